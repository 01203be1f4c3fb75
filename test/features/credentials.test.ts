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
  return (await world.outboxOf(nodePath))
    .filter(({ kind }) => ['credential.ending', 'credential.ended'].includes(kind))
    .map(({ kind, data }) => `${kind} ${data.days} ${data.credential}`)
}

/** As often and by as many processes as one likes. */
async function tellOften() {
  await Promise.all([tellEnds(world.store), tellEnds(world.store)])
  await tellEnds({ ...world.store })
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
      // The description it was given where it was made.
      ['secret', 'first', 39, 'ending', 'microsoft'],
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

describe('alerts of what ends', () => {
  it('B8, J3: come at 60, 30, 14, 7 and 1 days and at the end, each exactly once', async () => {
    const { tenant } = await world.attach({ secretDays: 100 })
    await look()
    await tellOften()
    expect(await toldAt(tenant.nodePath)).toEqual([])
    const expected: string[] = []
    let left = 100
    for (const days of alertDays) {
      world.move((left - days) * day + 60_000)
      left = days
      await tellOften()
      const kind = days === 0 ? 'credential.ended' : 'credential.ending'
      expected.push(`${kind} ${days} secret`)
      expect(await toldAt(tenant.nodePath)).toEqual(expected)
      world.move(3_600_000)
      await tellOften()
      expect(await toldAt(tenant.nodePath)).toEqual(expected)
    }
    const [ended] = await endsAt(tenant.nodePath)
    expect(ended).toMatchObject({ state: 'ended', days: -1 })
  })

  it('B8: a late start tells of the nearest only, and a new end begins anew', async () => {
    const { tenant, ask, access } = await world.attach({ secretDays: 10 })
    await look()
    await tellOften()
    expect(await toldAt(tenant.nodePath)).toEqual(['credential.ending 14 secret'])
    const events = await world.outboxOf(tenant.nodePath)
    const last = events.at(-1)
    expect(last?.data.message).toMatch(
      /^The client secret .* of Tenant \d+ ends on \d{4}.*, within/,
    )
    expect(last?.data.message).toContain('second credential')
    expect(JSON.stringify(events)).not.toContain(access.clientSecret)
    const { secrets } = await ask<{ secrets: { keyId: string }[] }>('GET', 'credentials')
    const keyId = secrets[0]?.keyId ?? ''
    await ask('PATCH', `credentials/${keyId}`, { endsInSeconds: (20 * day) / 1_000 })
    world.move(day + 1)
    await look()
    await tellOften()
    expect(await toldAt(tenant.nodePath)).toEqual([
      'credential.ending 14 secret',
      'credential.ending 30 secret',
    ])
  })

  it('J3: what is not in use, or extends by itself, raises none', async () => {
    const { tenant, ask } = await world.attach({
      secretDays: 200,
      roles: [...enough, 'DelegatedAdminRelationship.Read.All'],
    })
    await ask('POST', 'secrets', { text: 'zzz-another', endsInSeconds: (5 * day) / 1_000 })
    await ask('POST', 'delegations', {
      ...{ displayName: 'Own accord', customer: 'Adatum', endsInSeconds: (10 * day) / 1_000 },
      autoExtendDuration: 'P180D',
    })
    await look()
    await tellOften()
    expect((await endsAt(tenant.nodePath)).map(({ used, extends: own }) => [used, own])).toEqual([
      [false, false],
      [true, true],
      [true, false],
    ])
    expect(await toldAt(tenant.nodePath)).toEqual([])
  })

  it('J3: a date that a person gave counts until the secret changes or Microsoft tells', async () => {
    const { tenant, ask } = await world.attach({ roles: ['User.Read.All'] })
    const endsAtTime = new Date(world.clock.now() + 6.5 * day).toISOString()
    const past = { endsAt: new Date(world.clock.now() - day).toISOString() }
    const refused = await failureOf(sayEnd(provider, world.store, tenant.id, past))
    expect(refused.code).toBe('bad-input')
    await sayEnd(provider, world.store, tenant.id, { endsAt: endsAtTime })
    await look()
    expect(await endsAt(tenant.nodePath)).toMatchObject([
      { kind: 'secret', source: 'given', endsAt: endsAtTime, days: 6 },
    ])
    await tellOften()
    expect(await toldAt(tenant.nodePath)).toEqual(['credential.ending 7 secret'])
    await ask('PATCH', '', { roles: enough })
    await updateTenant(provider, world.store, world.directory, tenant.id, {
      graph: { clientSecret: 'another' },
    })
    expect(await endsAt(tenant.nodePath)).toMatchObject([{ state: 'unknown' }])
  })
})
