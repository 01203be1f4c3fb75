import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { getCall } from '../../src/connectors/graph/pages.ts'
import {
  createCertificate,
  deleteCertificate,
  exportCertificate,
} from '../../src/features/certificates/certificates.ts'
import {
  addSecond,
  dropSecond,
  promoteSecond,
  testSecond,
} from '../../src/features/credentials/second.ts'
import { readTenant } from '../../src/features/tenants/tenants.ts'
import { updateTenant } from '../../src/features/tenants/updateTenant.ts'
import { listAudit } from '../../src/store/audit.ts'
import { inScope } from '../../src/store/scope.ts'
import { type CredentialBench, openCredentialBench, signal } from './credentialBench.ts'
import { actorAt, failureOf, provider } from './support.ts'

let world: CredentialBench

beforeAll(async () => {
  world = await openCredentialBench()
})
afterAll(() => world.close())

type Attached = Awaited<ReturnType<CredentialBench['attach']>>

/** A further secret of the app registration. */
async function newSecret({ ask }: Attached): Promise<string> {
  return (await ask<{ text: string }>('POST', 'secrets', {})).text
}

/** The tenant's own secret is taken out of the app registration. */
async function removeFirst({ ask, access }: Attached): Promise<void> {
  const { secrets } = await ask<{ secrets: { keyId: string; text: string }[] }>(
    'GET',
    'credentials',
  )
  const first = secrets.find(({ text }) => text === access.clientSecret)
  await ask('DELETE', `credentials/${first?.keyId}`)
}

const add = (id: number, input: Parameters<typeof addSecond>[3]) =>
  addSecond(provider, world.second, id, input)
const test = (id: number) => testSecond(provider, world.second, id, signal)
const promote = (id: number) => promoteSecond(provider, world.second, id)

describe('a second credential', () => {
  it('J3: is tested before it is promoted, and the former one stays until it is dropped', async () => {
    const attached = await world.attach()
    const { tenant, access } = attached
    const { id, name } = tenant
    expect((await failureOf(promote(id))).code).toBe('conflict')
    expect((await failureOf(add(id, {}))).code).toBe('bad-input')
    await add(id, { secret: 'second-wrong-1' })
    expect((await failureOf(promote(id))).message).toContain('was not tested')
    expect(await test(id)).toMatchObject({ accepted: false })
    expect((await failureOf(promote(id))).message).toContain('was not tested')
    const secret = await newSecret(attached)
    const added = await add(id, { secret })
    expect(added.graph.secondClientSecret.set).toBe(true)
    expect((await failureOf(promote(id))).message).toContain('was not tested')
    expect(await test(id)).toMatchObject({ accepted: true })
    const promoted = await promote(id)
    expect(promoted.graph.clientSecret.set && promoted.graph.secondClientSecret.set).toBe(true)
    await removeFirst(attached)
    await world.startProcess().signIn(tenant)
    // Taken back, although it does not work any more: it was tested by its use until now.
    await promote(id)
    expect(
      (
        await failureOf(
          world.startProcess().microsoft.tokens.token({
            ...(
              await world.open({ tenantId: id, scope: tenant.nodePath })
            ).application,
            standIn: undefined,
          }),
        )
      ).foreignCode,
    ).toBe('AADSTS7000215')
    await promote(id)
    const drop = (confirm?: string) => dropSecond(provider, world.second, { tenantId: id, confirm })
    expect((await failureOf(drop())).code).toBe('confirmation-required')
    const dropped = await drop(name)
    expect(dropped.graph.secondClientSecret.set).toBe(false)
    await world.startProcess().signIn(tenant)
    const audit = await inScope(world.store.db, tenant.nodePath, (tx) => listAudit(tx))
    expect(new Set(audit.map(({ action }) => action))).toEqual(
      new Set([
        ...[
          'node.create',
          'tenant.create',
          'credential.add',
          'credential.test',
          'credential.tested',
        ],
        ...['credential.promote', 'credential.drop'],
      ]),
    )
    const [{ detail } = { detail: {} }] = audit
    expect(detail).toMatchObject({
      secrets: { 'graph.secondClientSecret': { before: expect.stringMatching(/^hmac:/) } },
    })
    const shown = JSON.stringify([audit, await readTenant(provider, world.store, id)])
    for (const each of [secret, access.clientSecret, 'second-wrong-1']) {
      expect(shown).not.toContain(each)
    }
  })

  it('J3: changes between secret and certificate, and that one cannot be deleted', async () => {
    const attached = await world.attach()
    const { tenant, ask } = attached
    const certificate = await createCertificate(provider, world.store, {
      ...{ nodeId: tenant.nodeId, name: 'c', commonName: 'Patchbay', validDays: 30 },
      keyBits: 2048,
    })
    const { pem } = await exportCertificate(provider, world.store, certificate.id)
    await ask('POST', 'certificates', { pem })
    await add(tenant.id, { certificateId: certificate.id })
    const input = { certificateId: certificate.id, confirm: 'c' }
    expect((await failureOf(deleteCertificate(provider, world.store, input))).code).toBe('conflict')
    expect(await test(tenant.id)).toMatchObject({ accepted: true })
    const promoted = await promote(tenant.id)
    expect(promoted.graph).toMatchObject({
      ...{ clientSecret: { set: false }, certificateId: certificate.id },
      ...{ secondClientSecret: { set: true }, secondCertificateId: null },
    })
    await world.startProcess().signIn(tenant)
    const back = await promote(tenant.id)
    expect(back.graph).toMatchObject({
      ...{ clientSecret: { set: true }, certificateId: null },
      ...{ secondClientSecret: { set: false }, secondCertificateId: certificate.id },
    })
  })

  it('J3: is promoted and dropped without a stop', async () => {
    const attached = await world.attach({ tokenSeconds: 2 })
    const { tenant } = attached
    const place = { tenantId: tenant.id, scope: tenant.nodePath }
    const worker = world.startProcess()
    // One way that stays open all the time, as that of a long sync.
    const long = await worker.open(place)
    const ending = new AbortController()
    let calls = 0
    const failures: unknown[] = []
    async function work(open: () => Promise<typeof long>) {
      while (!ending.signal.aborted) {
        try {
          const { graph } = await open()
          await graph.send(getCall(['organization'], { $select: 'id' }, 1), { signal })
          calls += 1
        } catch (error) {
          failures.push(error)
        }
      }
    }
    const working = [work(async () => long), work(() => worker.open(place))]
    const wait = (ms: number) => world.clock.sleep(ms)
    await wait(500)
    await add(tenant.id, { secret: await newSecret(attached) })
    await test(tenant.id)
    await wait(300)
    await promote(tenant.id)
    await wait(300)
    await removeFirst(attached)
    await wait(2_500)
    await dropSecond(provider, world.second, { tenantId: tenant.id, confirm: tenant.name })
    await wait(2_500)
    ending.abort()
    await Promise.all(working)
    expect(failures).toEqual([])
    expect(calls).toBeGreaterThan(20)
  })

  it('B8, J3: steps in once the first is refused, in all workers, and that is told once', async () => {
    const attached = await world.attach()
    const { tenant } = attached
    await add(tenant.id, { secret: await newSecret(attached) })
    await removeFirst(attached)
    // Nobody has tested it, so nobody relies on it.
    const early = await failureOf(world.startProcess().signIn(tenant))
    expect(early.foreignCode).toBe('AADSTS7000215')
    expect(await test(tenant.id)).toMatchObject({ accepted: true })
    const workers = [world.startProcess(), world.startProcess(), world.startProcess()]
    for (const worker of workers) {
      await worker.signIn(tenant)
      await worker.sync(tenant)
    }
    const refusals = (await attached.control.calls()).filter(({ status }) => status === 401)
    expect(refusals).toHaveLength(1)
    const [kept] = (await readTenant(provider, world.store, tenant.id)).connections
    expect(kept?.state).toBe('healthy')
    const events = await world.outboxOf(tenant.nodePath)
    const told = events.filter(({ kind }) => kind === 'credential.stepped-in')
    expect(told).toHaveLength(1)
    expect(told[0]?.data.message).toMatch(/so its second one is used\. .*Promote the second one/)
    const report = await world.test(provider, { tenantId: tenant.id, confirm: true }, signal)
    expect(report.steps.find(({ step }) => step === 'token')).toMatchObject({
      outcome: 'warning',
      message: expect.stringContaining('second credential is used'),
    })
    // The former first is known not to work, so it may not step in for the new one.
    await promote(tenant.id)
    expect((await failureOf(promote(tenant.id))).message).toContain('was not tested')
    await world.startProcess().signIn(tenant)
  })

  it('B8: does not step in for what is no fault of the credential', async () => {
    const attached = await world.attach()
    const { tenant, control } = attached
    await add(tenant.id, { secret: await newSecret(attached) })
    await test(tenant.id)
    await control.clearCalls()
    await control.fault('sign-in-refused', { value: 53_003 })
    expect((await failureOf(world.startProcess().signIn(tenant))).foreignCode).toBe('AADSTS53003')
    expect(await attached.signIns()).toBe(1)
    await control.clearFaults()
  })

  it('E3: is dropped with the first when the place changes that it would be sent to', async () => {
    const attached = await world.attach()
    const { tenant } = attached
    await add(tenant.id, { secret: await newSecret(attached) })
    const clientId = '99999999-0000-4000-8000-000000000001'
    const changed = await updateTenant(provider, world.store, world.directory, tenant.id, {
      graph: { clientId, clientSecret: 'anew' },
    })
    expect(changed.graph.secondClientSecret.set).toBe(false)
  })

  it('may be changed only by who may change the tenant', async () => {
    const { tenant } = await world.attach()
    const reader = actorAt(tenant.nodePath, [{ type: '*', operations: ['Read'] }])
    const elsewhere = actorAt('1.999.')
    for (const [actor, code] of [
      [reader, 'not-permitted'],
      [elsewhere, 'not-found'],
    ] as const) {
      const attempts = [
        () => addSecond(actor, world.second, tenant.id, { secret: 'x' }),
        () => testSecond(actor, world.second, tenant.id, signal),
        () => promoteSecond(actor, world.second, tenant.id),
        () => dropSecond(actor, world.second, { tenantId: tenant.id }),
      ]
      for (const attempt of attempts) expect((await failureOf(attempt())).code).toBe(code)
    }
  })
})
