import { sql } from 'kysely'
import { Check } from 'typebox/value'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CredentialEnd } from '../../src/contract/credentials.ts'
import { createCertificate } from '../../src/features/certificates/certificates.ts'
import { listEnds } from '../../src/features/credentials/ends/list.ts'
import { readDueEnds } from '../../src/features/credentials/ends/read.ts'
import { alertDays, tellEnds } from '../../src/features/credentials/ends/tell.ts'
import { sayEnd } from '../../src/features/credentials/second.ts'
import { updateTenant } from '../../src/features/tenants/updateTenant.ts'
import { eventsFromStart, readEvents } from '../../src/store/events.ts'
import { inScope } from '../../src/store/scope.ts'
import { quietLog } from '../store/testing.ts'
import { type CredentialBench, enough, openCredentialBench, signal } from './credentialBench.ts'
import { actorAt, addNode, failureOf, provider } from './support.ts'

const day = 86_400_000

let world: CredentialBench

beforeAll(async () => {
  world = await openCredentialBench()
})
afterAll(() => world.close())

const look = () => readDueEnds({ store: world.store, open: world.open, log: quietLog }, signal)

async function endsAt(nodePath: string) {
  const { items } = await listEnds(actorAt(nodePath), world.store, {})
  for (const item of items) expect(Check(CredentialEnd, item)).toBe(true)
  return items
}

/** What was told of at and below a node, oldest first. */
async function toldAt(nodePath: string) {
  const events = await readEvents(world.store.db, nodePath, eventsFromStart)
  return events
    .filter(({ kind }) => kind.startsWith('credential.end') && kind !== 'credential.end')
    .map(({ kind, data }) => `${kind} ${data.days} ${data.credential} ${data.name}`)
}

describe('what ends when', () => {
  it('J3: secrets, certificates, GDAP and API tokens are shown for all tenants in the scope', async () => {
    const { tenant, access, ask } = await world.attach({
      secretDays: 40,
      roles: [...enough, 'DelegatedAdminRelationship.Read.All'],
    })
    const gdap = { displayName: 'Support', customer: 'Fabrikam' }
    await ask('POST', 'delegations', { ...gdap, endsInSeconds: (20 * day) / 1_000 })
    await ask('POST', 'delegations', {
      ...{ displayName: 'Own accord', customer: 'Adatum', endsInSeconds: (10 * day) / 1_000 },
      autoExtendDuration: 'P180D',
    })
    const ended = { displayName: 'Ended', customer: 'Ended', status: 'terminated' }
    await ask('POST', 'delegations', { ...ended, endsInSeconds: 9 })
    await createCertificate(provider, world.store, {
      ...{ nodeId: tenant.nodeId, name: 'Contoso', commonName: 'Contoso', validDays: 30 },
      keyBits: 2048,
    })
    await inScope(world.store.db, tenant.nodePath, (tx) =>
      sql`insert into access_token (name, scope, hash, expires_at)
        values ('Export', ${tenant.nodePath}, '\\x0102', now() + interval '90 days')`.execute(tx),
    )
    const { tenant: other } = await world.attach({ secretDays: 100 })
    await look()
    const shown = await endsAt(tenant.nodePath)
    expect(shown.map((end) => [end.kind, end.name, end.days, end.state, end.source])).toEqual([
      ['gdap', 'Own accord of Adatum', 9, 'ending', 'microsoft'],
      ['gdap', 'Support of Fabrikam', 19, 'ending', 'microsoft'],
      ['certificate', 'Contoso', 29, 'ending', 'own'],
      ['secret', expect.any(String), 39, 'ending', 'microsoft'],
      ['token', 'Export', 89, 'valid', 'own'],
    ])
    expect(shown[3]).toMatchObject({ tenantId: tenant.id, tenant: tenant.name })
    const all = await endsAt('1.')
    expect(all.map(({ tenantId }) => tenantId)).toEqual(expect.arrayContaining([other.id]))
    expect(JSON.stringify(all)).not.toContain(access.clientSecret)
  })

  it('J3: a list goes on where a page ended, with the unknown last', async () => {
    const node = await addNode(world.bench, 1, 'customer', 'Paged')
    for (const [index, validDays] of [5, 5, 300].entries()) {
      await createCertificate(provider, world.store, {
        ...{ nodeId: node.id, name: `Paged ${index}`, commonName: 'Paged', validDays },
        keyBits: 2048,
      })
    }
    const { tenant } = await world.attach({ roles: ['User.Read.All'] })
    await look()
    const found: unknown[] = []
    let after: string | undefined
    do {
      const page = await listEnds(provider, world.store, { limit: 2, ...(after && { after }) })
      found.push(...page.items)
      after = page.next ?? undefined
    } while (after !== undefined)
    expect(found).toEqual((await listEnds(provider, world.store, {})).items)
    expect(found.at(-1)).toMatchObject({
      ...{ tenantId: tenant.id, state: 'unknown', days: null },
      note: expect.stringContaining('Application.Read.All'),
    })
    const failure = await failureOf(listEnds(provider, world.store, { after: 'x' }))
    expect(failure.code).toBe('bad-input')
  })
})
