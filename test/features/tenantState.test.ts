import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  createCertificate,
  exportCertificate,
} from '../../src/features/certificates/certificates.ts'
import { readTenant } from '../../src/features/tenants/tenants.ts'
import { updateTenant } from '../../src/features/tenants/updateTenant.ts'
import { type CredentialBench, openCredentialBench, signal } from './credentialBench.ts'
import { failureOf, provider } from './support.ts'

let world: CredentialBench

beforeAll(async () => {
  world = await openCredentialBench()
})
afterAll(() => world.close())

type Attached = Awaited<ReturnType<CredentialBench['attach']>>

/** What may go wrong with a tenant, and what its state must say of cause and remedy. */
const troubles: [string, string, RegExp, RegExp, (attached: Attached) => Promise<unknown>][] = [
  [
    'secret expired',
    'credentials-rejected',
    /client secret has expired/,
    /Create a new one in the app registration/,
    async ({ ask }) => {
      const { secrets } = await ask<{ secrets: { keyId: string }[] }>('GET', 'credentials')
      await ask('PATCH', `credentials/${secrets[0]?.keyId}`, { endsInSeconds: -1 })
    },
  ],
  [
    'certificate expired',
    'credentials-rejected',
    /The certificate ended on \d{4}-\d\d-\d\d/,
    /Make a new one, upload it in the app registration/,
    async ({ tenant, ask }) => {
      const certificate = await createCertificate(provider, world.store, {
        ...{ nodeId: tenant.nodeId, name: 'c', commonName: 'Patchbay', validDays: 1 },
        keyBits: 2048,
      })
      const { pem } = await exportCertificate(provider, world.store, certificate.id)
      await ask('POST', 'certificates', { pem })
      await updateTenant(provider, world.store, world.directory, tenant.id, {
        graph: { clientSecret: null, certificateId: certificate.id },
      })
      await world.sync(tenant)
      expect((await stateOf(tenant.id))?.state).toBe('healthy')
      world.move(2 * 86_400_000)
    },
  ],
  [
    'application taken out of the tenant',
    'credentials-rejected',
    /is not known in this tenant/,
    /that admin consent was given there/,
    ({ ask }) => ask('PATCH', '', { consented: false }),
  ],
  [
    'consent withdrawn',
    'consent-missing',
    /lacks a permission/,
    /User\.Read\.All/,
    ({ ask }) => ask('PATCH', '', { roles: [] }),
  ],
  [
    "user's password changed",
    'credentials-rejected',
    /sign-in was withdrawn, for instance by a new password/,
    /Enter the credentials again/,
    ({ control }) => control.fault('sign-in-refused', { value: 50_173 }),
  ],
  [
    'Conditional Access',
    'blocked',
    /Conditional Access blocks this application/,
    /exclude it from the policy/,
    ({ control }) => control.fault('sign-in-refused', { value: 53_003 }),
  ],
  [
    'tenant blocked',
    'blocked',
    /Microsoft has blocked the tenant/,
    /ask Microsoft's support/,
    ({ control }) => control.fault('sign-in-refused', { value: 5_000_225 }),
  ],
  [
    'licence gone',
    'unlicensed',
    /no licence for this/,
    /renew the subscription/,
    ({ control }) => control.fault('licence-gone'),
  ],
]

async function stateOf(tenantId: number) {
  return (await readTenant(provider, world.store, tenantId)).connections[0]
}

describe('the state of a tenant', () => {
  it.each(troubles)('B8: %s: names cause and remedy, and is told', async (...trouble) => {
    const [, state, cause, remedy, befall] = trouble
    const attached = await world.attach()
    const { tenant, control } = attached
    await world.sync(tenant)
    expect((await stateOf(tenant.id))?.state).toBe('healthy')
    await befall(attached)
    // Another worker, which has no token from before.
    await world.startProcess().sync(tenant)
    const found = await stateOf(tenant.id)
    expect(found?.state).toBe(state)
    expect(found?.message).toMatch(cause)
    expect(found?.message).toMatch(remedy)
    const events = await world.outboxOf(tenant.nodePath)
    const told = events.filter(({ kind }) => kind === 'connection.changed')
    expect(told.at(-1)?.data).toMatchObject({ state, message: found?.message })
    await control.clearFaults()
    await control.close()
  })
})

describe('refused credentials', () => {
  it('B8: are tried once in a quarter of an hour, by all workers and syncs together', async () => {
    const { tenant, signIns, control } = await world.attach({}, { clientSecret: 'wrong' })
    const workers = [world, world.startProcess(), world.startProcess()]
    await failureOf(world.signIn(tenant))
    expect(await signIns()).toBe(1)
    const everybody = () =>
      Promise.all(
        workers.flatMap((worker) => [
          failureOf(worker.signIn(tenant)),
          failureOf(worker.signIn(tenant)),
        ]),
      )
    for (let quarter = 1; quarter <= 4; quarter += 1) {
      for (const failure of (await Promise.all([everybody(), everybody()])).flat()) {
        expect([failure.code, failure.foreignCode]).toEqual([
          'credentials-rejected',
          'AADSTS7000215',
        ])
      }
      await world.startProcess().sync(tenant)
      expect(await signIns()).toBe(quarter)
      world.move(15 * 60_000 + 1_000)
    }
    await everybody()
    expect(await signIns()).toBe(5)
    await control.close()
  })

  it('B8: are tried at once by a test a person asks for, and after a change', async () => {
    const { tenant, access, signIns, control } = await world.attach({}, { clientSecret: 'wrong' })
    await failureOf(world.signIn(tenant))
    const worker = world.startProcess()
    await failureOf(worker.signIn(tenant))
    expect(await signIns()).toBe(1)
    const report = await worker.test(provider, { tenantId: tenant.id, confirm: true }, signal)
    expect(report.outcome).toBe('failed')
    expect(await signIns()).toBe(2)
    const { clientSecret } = access
    const change = { graph: { clientSecret } }
    await updateTenant(provider, world.store, world.directory, tenant.id, change)
    await worker.signIn(tenant)
    await world.signIn(tenant)
    expect(await signIns()).toBe(4)
    await control.close()
  })
})
