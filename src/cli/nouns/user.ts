import type { Command } from 'commander'
import { badInput } from '../../core/errors.ts'
import { parseAssignments } from '../assignments.ts'
import {
  type ChangeFlags,
  changeObjects,
  changeOptions,
  type StepRequest,
} from '../changeObjects.ts'
import type { Cli } from '../cli.ts'
import { noun, several, verb } from '../command.ts'
import { readSecret } from '../secrets.ts'

const model = 'device/msgraph/MSOLUser'
const groups = 'device/msgraph/Groups'

export function userCommand(cli: Cli): Command {
  const user = noun('user', 'People of a tenant: make, disable, delete, license')
  addCreate(user, cli)
  addLife(user, cli)
  addPassword(user, cli)
  user.addCommand(licenceCommand(cli))
  return user
}

interface CreateFlags extends ChangeFlags {
  name: string
  disabled?: boolean
  usageLocation?: string
  passwordFile?: string
  licence?: string[]
  group?: string[]
}

function addCreate(user: Command, cli: Cli): void {
  changeOptions(verb(user, 'create', 'make a user; its password is shown once'))
    .argument('<sign-in-name>', 'such as anna@contoso.com, of a verified domain')
    .argument('[name=value...]', 'further properties, as `resource set` takes them')
    .requiredOption('--name <text>', 'display name')
    .option('--usage-location <country>', 'two letters; needed for a licence')
    .option('--licence <product>', 'a licence by its part number, several times', several)
    .option('--group <name>', 'a group to be in, several times', several)
    .option('--password-file <path>', 'file with the first password; - is standard input')
    .option('--disabled', 'may not sign in yet')
    .action(async (upn: string, assignments: string[], flags: CreateFlags) => {
      const set = {
        accountEnabled: flags.disabled !== true,
        displayName: flags.name,
        mailNickname: upn.split('@')[0] ?? upn,
        userPrincipalName: upn,
        ...(flags.usageLocation !== undefined && { usageLocation: flags.usageLocation }),
        ...parseAssignments(assignments),
      }
      const made = { step: 1 }
      await changeObjects(cli, flags, [
        { do: 'create', model, set, ...(await passwordOf(cli, flags)) },
        ...licenceStep(made, flags.licence ?? [], []),
        ...(flags.group ?? []).map((ref) => memberStep('link', ref, made)),
      ])
    })
}

function addLife(user: Command, cli: Cli): void {
  const verbs: readonly [string, string, (ref: string) => StepRequest][] = [
    ['enable', 'let a user sign in', (ref) => enabled(ref, true)],
    ['disable', 'let a user sign in no longer', (ref) => enabled(ref, false)],
    [
      'delete',
      'delete a user; for 30 days it can be restored',
      (ref) => ({ do: 'delete', model, ref }),
    ],
    ['restore', 'bring a deleted user back', (ref) => ({ do: 'restore', model, ref })],
  ]
  for (const [name, summary, step] of verbs) {
    changeOptions(verb(user, name, summary))
      .argument('<users...>', 'by key, name or sign-in name')
      .action((users: string[], flags: ChangeFlags) => changeObjects(cli, flags, users.map(step)))
  }
}

function enabled(ref: string, accountEnabled: boolean): StepRequest {
  return { do: 'update', model, ref, set: { accountEnabled } }
}

interface PasswordFlags extends ChangeFlags {
  passwordFile?: string
  keep?: boolean
}

function addPassword(user: Command, cli: Cli): void {
  changeOptions(verb(user, 'reset-password', 'give a new password; shown once, and no way back'))
    .argument('<user>', 'by key, name or sign-in name')
    .option('--password-file <path>', 'file with the password; without it one is made')
    .option('--keep', 'need not be changed at the next sign-in')
    .action(async (ref: string, flags: PasswordFlags) => {
      const step = { do: 'password' as const, model, ref, mustChange: flags.keep !== true }
      await changeObjects(cli, flags, [{ ...step, ...(await passwordOf(cli, flags)) }])
    })
}

async function passwordOf(
  cli: Cli,
  { passwordFile }: { passwordFile?: string },
): Promise<{ password?: string }> {
  if (passwordFile === undefined) return {}
  return { password: (await readSecret(cli, passwordFile)).reveal() }
}

interface LicenceFlags extends ChangeFlags {
  without?: string[]
  usageLocation?: string
}

function licenceCommand(cli: Cli): Command {
  const licence = noun('licence', 'Licences of a user')
  changeOptions(verb(licence, 'add', 'assign licences'))
    .argument('<user>', 'by key, name or sign-in name')
    .argument('<products...>', 'part numbers, such as SPE_E5')
    .option('--without <plan>', 'a service plan to leave switched off, several times', several)
    .option('--usage-location <country>', 'set this first: two letters')
    .action(async (ref: string, products: string[], flags: LicenceFlags) => {
      if (flags.without && products.length > 1) {
        throw badInput('--without', 'goes with one product only')
      }
      const { usageLocation, without = [] } = flags
      const place = usageLocation === undefined ? [] : [updateLocation(ref, usageLocation)]
      await changeObjects(cli, flags, [...place, ...licenceStep(ref, products, without)])
    })
  changeOptions(verb(licence, 'remove', 'take licences back'))
    .argument('<user>', 'by key, name or sign-in name')
    .argument('<products...>', 'part numbers, such as SPE_E5')
    .action((ref: string, remove: string[], flags: ChangeFlags) =>
      changeObjects(cli, flags, [{ do: 'licence', ref, remove }]),
    )
  return licence
}

function updateLocation(ref: string, usageLocation: string): StepRequest {
  return { do: 'update', model, ref, set: { usageLocation } }
}

function licenceStep(
  ref: string | { step: number },
  products: readonly string[],
  without: readonly string[],
): StepRequest[] {
  if (products.length === 0) return []
  const add = products.map((product) => ({
    product,
    ...(without.length > 0 && { without: [...without] }),
  }))
  return [{ do: 'licence', ref, add }]
}

/** A member of a group, joined or taken out. */
export function memberStep(
  what: 'link' | 'unlink',
  ref: string,
  to: string | { step: number },
): StepRequest {
  return { do: what, model: groups, ref, link: 'member', to }
}
