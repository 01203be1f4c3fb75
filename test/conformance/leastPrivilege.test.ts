import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { advanceTransaction } from '../../src/engine/transaction/advanceTransaction.ts'
import { listEnds } from '../../src/features/credentials/ends/list.ts'
import { keepEnds } from '../../src/features/credentials/ends/read.ts'
import {
  type Demand,
  demandsOf,
  everything,
  leastPermissions,
  unmet,
} from '../../src/features/tenants/leastPermissions.ts'
import { features, tooPowerful } from '../../src/features/tenants/permissions.ts'
import { readTransaction, startTransaction } from '../../src/features/transactions/transactions.ts'
import { enqueueJob } from '../../src/store/jobs/job.ts'
import { inScope } from '../../src/store/scope.ts'
import { type CredentialBench, openCredentialBench, signal } from '../features/credentialBench.ts'
import { provider } from '../features/support.ts'

const users = 'device/msgraph/MSOLUser'
const groups = 'device/msgraph/Groups'

let world: CredentialBench
let attached: Awaited<ReturnType<CredentialBench['attach']>>
let worker: ReturnType<CredentialBench['startProcess']>

const wanted = everything()
const demands = demandsOf(wanted)
const declared = leastPermissions(demands)

beforeAll(async () => {
  world = await openCredentialBench({ hasty: true })
  attached = await world.attach({ users: 30, groups: 20, roles: declared, directoryRoles: [] })
  const day = 86_400
  const gdap = { displayName: 'Support', customer: 'Fabrikam', endsInSeconds: 90 * day }
  await attached.ask('POST', 'delegations', gdap)
  worker = world.startProcess()
  await worker.sync(
    attached.tenant,
    features.flatMap(({ models }) => models),
  )
})
afterAll(() => world.close())

/** From now on the application holds exactly these; a fresh process has no older token. */
async function grantOnly(roles: readonly string[]): Promise<void> {
  await attached.ask('PATCH', '', { roles })
  worker = world.startProcess()
  await inScope(world.store.db, attached.tenant.nodePath, (tx) =>
    sql`delete from sync_state`.execute(tx),
  )
}

type Steps = Parameters<typeof startTransaction>[3]['steps']

/** What a change ended with: undefined when it succeeded. */
async function change(steps: Steps): Promise<string | undefined> {
  const { engine } = worker
  const { id: tenantId, nodePath } = attached.tenant
  const parts = { engine, jobs: { enqueue: enqueueJob } }
  const body = { steps, confirm: true }
  const { id } = await startTransaction(provider, parts, tenantId, body, undefined)
  await advanceTransaction(engine, { id, scope: nodePath, signal })
  const done = await readTransaction(provider, world.store.db, id)
  return done.state === 'succeeded' ? undefined : (done.error?.message ?? done.state)
}

async function read(models: readonly string[]): Promise<string | undefined> {
  const id = await worker.sync(attached.tenant, [...models])
  const { rows } = await inScope(world.store.db, attached.tenant.nodePath, (tx) =>
    sql<{ error: { message: string } | null }>`
      select error from run_model where run_id = ${id} and error is not null`.execute(tx),
  )
  return rows[0]?.error?.message
}

/** The last object of a model as stored: by this seed no one who holds a role. */
async function keyOf(model: string): Promise<string> {
  const { rows } = await inScope(world.store.db, attached.tenant.nodePath, (tx) =>
    sql<{ key: string }>`
      select r.key from resource r join model m on m.id = r.model_id
      where m.name = ${model} and r.removed_at is null order by r.id desc limit 1`.execute(tx),
  )
  return rows[0]?.key ?? ''
}

let count = 0

async function update(model: string, property: string): Promise<string | undefined> {
  count += 1
  const set = { [property]: `${property} ${count}` }
  return await change([{ do: 'update', model, ref: await keyOf(model), set }])
}

/** Makes somebody, deletes them and brings them back. */
async function comeAndGo(): Promise<string | undefined> {
  count += 1
  const name = `new-${count}`
  const userPrincipalName = `${name}@${attached.access.domain}`
  const set = { userPrincipalName, displayName: name, mailNickname: name, accountEnabled: true }
  const made = await change([{ do: 'create', model: users, set }])
  if (made !== undefined) return made
  return (
    (await change([{ do: 'delete', model: users, ref: userPrincipalName }])) ??
    (await change([{ do: 'restore', model: users, ref: userPrincipalName }]))
  )
}

async function member(): Promise<string | undefined> {
  const to = await keyOf(users)
  const ref = await keyOf(groups)
  const link = { model: groups, ref, link: 'member', to }
  return (await change([{ do: 'link', ...link }])) ?? (await change([{ do: 'unlink', ...link }]))
}

async function licence(): Promise<string | undefined> {
  const ref = await keyOf(users)
  const product = 'FLOW_FREE'
  const place = { do: 'update' as const, model: users, ref }
  return (
    (await change([{ ...place, set: { usageLocation: 'SE' } }])) ??
    (await change([{ do: 'licence', ref, add: [{ product }] }])) ??
    (await change([{ do: 'licence', ref, remove: [product] }]))
  )
}

async function tested(): Promise<string | undefined> {
  const asked = { tenantId: attached.tenant.id, confirm: true }
  const { steps } = await worker.test(provider, asked, signal)
  const blind = ['organization', 'permissions', 'directory-roles', 'credentials']
  const found = steps.find(
    ({ step, message }) => blind.includes(step) && /cannot be read/.test(message),
  )
  return found && `${found.message} ${found.remedy}`
}

async function ends(kind: 'secret' | 'gdap'): Promise<string | undefined> {
  const { id: tenantId, nodePath } = attached.tenant
  await inScope(world.store.db, nodePath, (tx) => sql`delete from credential`.execute(tx))
  const entrance = await worker.open({ tenantId, scope: nodePath })
  await keepEnds(world.store, { tenantId, nodePath }, entrance, signal)
  const { items } = await listEnds(provider, world.store, {})
  const found = items.filter((each) => each.tenantId === tenantId && each.kind === kind)
  if (found.some(({ endsAt }) => endsAt !== null)) return undefined
  return found[0]?.note ?? 'Reading it needs DelegatedAdminRelationship.Read.All.'
}

/** What shows that a demand is met: undefined, or the words it failed with. */
const journeys: Readonly<Record<string, () => Promise<string | undefined>>> = {
  'users: change': async () => (await update(users, 'department')) ?? (await comeAndGo()),
  'groups: change': () => update(groups, 'description'),
  'memberships: read': () => read([groups]),
  'memberships: change': member,
  'passwords: read': () => read([users]),
  'passwords: change': async () =>
    change([{ do: 'password', model: users, ref: await keyOf(users) }]),
  'licences: change': licence,
  'teams: change': () => update('device/msgraph/Teams', 'description'),
  'rooms: change': () => update('device/msgraph/Room', 'label'),
  'domains: change': async () =>
    change([
      {
        ...{ do: 'update', model: 'device/msgraph/Domain' },
        ...{ ref: attached.access.domain, set: { passwordValidityPeriodInDays: 100 + ++count } },
      },
    ]),
  'organisation: change': async () =>
    change([
      {
        ...{ do: 'update', model: 'device/msgraph/Organization' },
        ref: await keyOf('device/msgraph/Organization'),
        set: { technicalNotificationMails: [`mail-${++count}@contoso.com`] },
      },
    ]),
  'connection test: read': tested,
  'credential dates: read': () => ends('secret'),
  'delegated administration: read': () => ends('gdap'),
}

const nameOf = ({ feature, what }: Demand) => `${feature}: ${what}`

/** What cannot be read may not be changed either: every change looks first. */
function outOfWork(missed: readonly Demand[]): Set<string> {
  const unread = missed.filter(({ what }) => what === 'read').map(({ feature }) => feature)
  const changes = demands.filter(
    ({ feature, what }) => what === 'change' && unread.includes(feature),
  )
  return new Set([...missed, ...changes].map(nameOf))
}

/** Every demand whose journey fails, with the words. */
async function failures(): Promise<Map<string, string>> {
  const failed = new Map<string, string>()
  for (const name of new Set(demands.map(nameOf))) {
    const [feature] = name.split(': ')
    const { models = [] } = features.find((each) => each.feature === feature) ?? {}
    const why = await (journeys[name] ?? (() => read(models)))()
    if (why !== undefined) failed.set(name, why)
  }
  return failed
}

describe('least privilege', () => {
  it('J1: with exactly the declared permissions everything works', async () => {
    await grantOnly(declared)
    expect(Object.fromEntries(await failures())).toEqual({})
  })

  it.each(declared)(
    'J1: without %s what needs it fails and names it, and nothing else',
    async (name) => {
      const others = declared.filter((each) => each !== name)
      const missed = unmet(demands, others)
      // None that is declared is unused.
      expect(missed).not.toEqual([])
      await grantOnly(others)
      const failed = await failures()
      const journeysFailed = [...failed.keys()]
      expect(journeysFailed).toEqual(expect.arrayContaining(missed.map(nameOf)))
      expect([...outOfWork(missed)]).toEqual(expect.arrayContaining(journeysFailed))
      for (const [journey, why] of failed) {
        const [feature] = journey.split(':')
        // The one that was taken, or the least that would do in its place.
        const named = missed.filter((each) => each.feature === feature).map(({ anyOf }) => anyOf[0])
        const found = [name, ...named].some((each) => why.includes(each ?? name))
        expect({ journey, why, found }).toMatchObject({ found: true })
      }
    },
  )

  it('J2: nothing needs a directory role, nor a permission that makes one master of the tenant', async () => {
    const asked = demands.flatMap(({ anyOf }) => anyOf.slice(0, 1))
    for (const name of [...tooPowerful.permissions, ...tooPowerful.directoryRoles]) {
      expect(asked).not.toContain(name)
      expect(declared).not.toContain(name)
    }
    // With no directory role at all, and it was this application that everything worked for.
    const { directoryRoles } = await attached.ask<{ directoryRoles: string[] }>('PATCH', '', {})
    expect(directoryRoles).toEqual([])
  })
})
