import type { Command } from 'commander'
import { credentialRoutes } from '../../contract/credentials.ts'
import { tenantRoutes } from '../../contract/tenants.ts'
import { badInput } from '../../core/errors.ts'
import { type Cli, type CommonFlags, connect } from '../cli.ts'
import { integer, listVerb, noun, type PageFlags, pageOf, verb, yesOption } from '../command.ts'
import { confirmed } from '../confirm.ts'
import { print, printPage } from '../print.ts'
import { readSecret } from '../secrets.ts'

const routes = { credential: credentialRoutes, tenant: { show: tenantRoutes.show } }

export function credentialCommand(cli: Cli): Command {
  const credential = noun('credential', 'When credentials end, and how the next one takes over')
  addReads(credential, cli)
  addSecond(credential, cli)
  addUse(credential, cli)
  return credential
}

function addReads(credential: Command, cli: Cli): void {
  listVerb(credential, 'list', 'secrets, certificates, GDAP and API tokens by their end').action(
    async (flags: CommonFlags & PageFlags) => {
      const page = await (await connect(cli, flags, routes)).credential.list({
        query: pageOf(flags),
      })
      const head = ['kind', 'name', 'tenant', 'ends', 'days', 'state', 'told by']
      printPage(cli, flags, page, head, (item) => [
        item.kind,
        item.name,
        item.tenant ?? `node ${item.nodePath}`,
        item.endsAt?.slice(0, 10) ?? 'unknown',
        item.days,
        item.extends ? `${item.state}, extends by itself` : item.state,
        item.source ?? item.note,
      ])
    },
  )

  verb(credential, 'end', 'say when a secret ends that Microsoft does not tell')
    .argument('<tenant>', 'id of the tenant', integer)
    .option('--at <time>', 'when it ends: 2027-01-31, or with a time')
    .option('--forget', 'take back what was said')
    .option('--second', 'of the second credential')
    .action(
      async (
        tenantId: number,
        flags: CommonFlags & { at?: string; forget?: boolean; second?: boolean },
      ) => {
        const endsAt = timeOf(flags)
        const body = { endsAt, ...(flags.second && { second: true }) }
        await (await connect(cli, flags, routes)).credential.end({ params: { tenantId }, body })
        cli.terminal.err(`tenant ${tenantId}: ${endsAt ?? 'forgotten'}\n`)
      },
    )
}

function timeOf({ at, forget }: { at?: string; forget?: boolean }): string | null {
  if ((at === undefined) === !forget) throw badInput('--at', 'or --forget is needed')
  if (at === undefined) return null
  const time = new Date(at)
  if (Number.isNaN(time.getTime())) throw badInput('--at', 'is no time')
  return time.toISOString()
}

interface AddFlags extends CommonFlags {
  secretFile?: string
  certificate?: number
}

function addSecond(credential: Command, cli: Cli): void {
  verb(credential, 'add', 'put a second secret or certificate beside the one in use')
    .argument('<tenant>', 'id of the tenant', integer)
    .option('--secret-file <path>', 'file with the client secret; - is standard input')
    .option('--certificate <id>', 'certificate to sign in with', integer)
    .action(async (tenantId: number, flags: AddFlags) => {
      const { secretFile, certificate } = flags
      const secret = secretFile === undefined ? undefined : await readSecret(cli, secretFile)
      const body = {
        ...(secret && { secret: secret.reveal() }),
        ...(certificate !== undefined && { certificateId: certificate }),
      }
      const api = await connect(cli, flags, routes)
      const tenant = await api.credential.add({ params: { tenantId }, body })
      print(cli, flags, tenant, () => 'A second credential is there. Test it, then promote it.\n')
    })

  yesOption(verb(credential, 'drop', 'forget the second credential for good'))
    .argument('<tenant>', 'id of the tenant', integer)
    .action(async (tenantId: number, flags: CommonFlags & { yes?: boolean }) => {
      const api = await connect(cli, flags, routes)
      const params = { tenantId }
      const tenant = await confirmed(
        cli,
        flags.yes,
        () => api.credential.drop({ params }),
        async () => {
          const { name } = await api.tenant.show({ params })
          return await api.credential.drop({ params, query: { confirm: name } })
        },
      )
      print(cli, flags, tenant, () => `tenant ${tenantId} has one credential\n`)
    })
}

function addUse(credential: Command, cli: Cli): void {
  verb(credential, 'test', 'sign in with the second credential; from then on it may step in')
    .argument('<tenant>', 'id of the tenant', integer)
    .action(async (tenantId: number, flags: CommonFlags) => {
      const api = await connect(cli, flags, routes)
      const report = await api.credential.test({ params: { tenantId } })
      print(cli, flags, report, () => `${report.message}\n`)
      if (!report.accepted) cli.outcome.exit = 1
    })

  verb(credential, 'promote', 'use the second credential; the first takes its place')
    .argument('<tenant>', 'id of the tenant', integer)
    .action(async (tenantId: number, flags: CommonFlags) => {
      const api = await connect(cli, flags, routes)
      const tenant = await api.credential.promote({ params: { tenantId } })
      const way = 'Promote again to take it back; drop the former one once it is not needed.'
      print(cli, flags, tenant, () => `The two credentials have changed places. ${way}\n`)
    })
}
