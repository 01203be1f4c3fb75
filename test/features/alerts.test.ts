import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createMailer } from '../../src/connectors/mail/mailer.ts'
import { limits } from '../../src/core/limits.ts'
import { Sealed } from '../../src/core/secret.ts'
import { type DeliverDependencies, deliverAlerts } from '../../src/features/alerts/deliver.ts'
import { gatherAlerts } from '../../src/features/alerts/gather.ts'
import {
  addTarget,
  listTargets,
  removeTarget,
  testTarget,
} from '../../src/features/alerts/targets.ts'
import { createEgress } from '../../src/net/egress.ts'
import { createOpenSocket } from '../../src/net/socket.ts'
import { listAudit } from '../../src/store/audit.ts'
import { emit } from '../../src/store/events.ts'
import { inScope } from '../../src/store/scope.ts'
import { quietLog, systemClock } from '../store/testing.ts'
import { startMailServer, startWebhook } from './alertServers.ts'
import { actorAt, addNode, type Bench, failureOf, openBench, provider } from './support.ts'

const { signal } = new AbortController()
const lookup = async () => [{ address: '127.0.0.1', family: 4 as const }]
const allowedAddresses = ['127.0.0.0/8']

let bench: Bench
let mail: Awaited<ReturnType<typeof startMailServer>>
let hook: Awaited<ReturnType<typeof startWebhook>>
let egress: ReturnType<typeof createEgress>
let dependencies: DeliverDependencies
let movedMs = 0

beforeAll(async () => {
  bench = await openBench()
  mail = await startMailServer()
  hook = await startWebhook()
  egress = createEgress(lookup)
  dependencies = {
    store: { ...bench.store, clock: { ...systemClock, now: () => systemClock.now() + movedMs } },
    exchange: egress.exchange,
    sendMail: createMailer(createOpenSocket(lookup), mailSettings()),
    configured: { allowedAddresses, ca: hook.ca },
    log: quietLog,
  }
})
afterAll(async () => {
  await egress.close()
  await mail.close()
  await hook.close()
  await bench.close()
})
beforeEach(() => {
  mail.taken.length = 0
  hook.posted.length = 0
  mail.refuse(undefined)
  hook.answer(204)
})

function mailSettings() {
  return {
    ...{ host: 'mail.test', port: mail.port, security: 'tls' as const, ca: mail.ca },
    ...{ from: 'patchbay@provider.example', allowedAddresses },
    ...{ user: 'patchbay', password: new Sealed('mail-pass-1') },
  }
}

let count = 0

/** A node, with a mailbox and a webhook at it. */
async function watched() {
  count += 1
  const node = await addNode(bench, 1, 'customer', `Watched ${count}`)
  const address = `duty-${count}@customer.example`
  const mailbox = await addTarget(provider, dependencies, { nodeId: node.id, mail: address })
  const webhook = await addTarget(provider, dependencies, { nodeId: node.id, webhook: hook.url })
  return { node, address, mailbox: mailbox.target, webhook: webhook.target, key: webhook.key ?? '' }
}

async function happen(nodePath: string, data: object = {}, kind = 'credential.ending') {
  const message = 'The client secret x of Contoso ends on 2027-01-01, within 7 days. Make another.'
  await inScope(bench.store.db, nodePath, (tx) =>
    emit(tx, { nodePath, kind, subject: 'credential:1', data: { message, ...data } }),
  )
}

/** As two workers would, at once; until what happened can be seen by all. */
async function work(alerts = 1) {
  let gathered = 0
  for (let look = 0; look < 200 && gathered < alerts; look += 1) {
    const both = [gatherAlerts(dependencies.store), gatherAlerts(dependencies.store)]
    for (const each of await Promise.all(both)) gathered += each
    if (gathered < alerts) await systemClock.sleep(25)
  }
  await deliver()
}

async function deliver() {
  await Promise.all([deliverAlerts(dependencies, signal), deliverAlerts(dependencies, signal)])
}

function headersOf(raw: string): Map<string, string> {
  const [head = ''] = raw.split('\r\n\r\n')
  const lines = head.replace(/\r\n[ \t]+/g, ' ').split('\r\n')
  return new Map(
    lines.map((line) => {
      const [, name = '', value = ''] = /^([^:]*): ?(.*)$/.exec(line) ?? []
      return [name.toLowerCase(), value]
    }),
  )
}

describe('an alert', () => {
  it('J3: reaches mailboxes and webhooks at its node and above, once, signed', async () => {
    const { node, address, key } = await watched()
    const site = await addNode(bench, node.id, 'site', 'Site')
    const aside = await addNode(bench, 1, 'customer', 'Aside')
    await addTarget(provider, dependencies, { nodeId: aside.id, mail: 'aside@x.example' })
    await happen(site.path)
    await work()
    await deliver()
    expect(mail.taken.map(({ to, from, user, secure }) => [to, from, user, secure])).toEqual([
      [[address], 'patchbay@provider.example', 'patchbay', true],
    ])
    const raw = mail.taken[0]?.raw ?? ''
    expect(headersOf(raw).get('content-type')).toMatch(/^text\/plain/)
    expect(headersOf(raw).get('subject')).toBe(
      'Patchbay: The client secret x of Contoso ends on 2027-01-01, within 7 days.',
    )
    expect(hook.posted.map(({ path }) => path)).toEqual(['/alerts'])
    const [posted] = hook.posted
    const { headers = {}, body = '' } = posted ?? {}
    const id = String(headers['webhook-id'])
    const stamp = String(headers['webhook-timestamp'])
    const secret = Buffer.from(key.slice('whsec_'.length), 'base64')
    const right = createHmac('sha256', secret).update(`${id}.${stamp}.${body}`).digest('base64')
    expect(headers['webhook-signature']).toBe(`v1,${right}`)
    expect(secret).toHaveLength(32)
    expect(Math.abs(Number(stamp) * 1_000 - Date.now())).toBeLessThan(60_000)
    expect(JSON.parse(body)).toMatchObject({ id, kind: 'credential.ending', nodePath: site.path })
    const listed = await listTargets(actorAt(node.path), bench.store, {})
    expect(listed.items.map((each) => [each.kind, each.error])).toEqual([
      ['mail', null],
      ['webhook', null],
    ])
    for (const { deliveredAt } of listed.items) expect(deliveredAt).not.toBeNull()
    expect(JSON.stringify(listed)).not.toContain(key)
  })

  it('J3: is tried again under the same id, less and less often, and then given up', async () => {
    const { node, webhook } = await watched()
    hook.answer(500)
    mail.refuse(550)
    await happen(node.path)
    await work()
    expect(hook.posted).toHaveLength(1)
    await deliver()
    expect(hook.posted).toHaveLength(1)
    for (let tries = 1; tries < limits.alertAttemptsMax + 3; tries += 1) {
      movedMs += Math.min(limits.alertBackoffFirstMs * 2 ** (tries - 1), limits.alertBackoffMaxMs)
      await deliver()
      expect(hook.posted).toHaveLength(Math.min(tries + 1, limits.alertAttemptsMax))
    }
    expect(new Set(hook.posted.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    expect(mail.taken).toHaveLength(0)
    const { items } = await listTargets(actorAt(node.path), bench.store, {})
    expect(items.map(({ error }) => error)).toEqual([
      'The mail server mail.test did not take the mail (it answered 550).',
      'The webhook answered 500.',
    ])
    hook.answer(200)
    await deliver()
    expect(hook.posted).toHaveLength(limits.alertAttemptsMax)
    expect(await testTarget(provider, dependencies, webhook.id)).toMatchObject({ delivered: true })
  })

  it('J3: recovers with the receiver, and arrives once', async () => {
    const { node } = await watched()
    hook.answer(503)
    await happen(node.path)
    await work()
    hook.answer(204)
    movedMs += limits.alertBackoffFirstMs
    await deliver()
    movedMs += limits.alertLeaseMs
    await deliver()
    expect(hook.posted).toHaveLength(2)
    expect(new Set(hook.posted.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    expect(mail.taken).toHaveLength(1)
  })

  it('B8: says of tenants what a person has to mend, and not what passes by itself', async () => {
    const { node } = await watched()
    const states = ['throttled', 'unreachable', 'healthy']
    for (const state of states) await happen(node.path, { state }, 'connection.changed')
    await happen(node.path, {}, 'run.page')
    const worth = ['credentials-rejected', 'consent-missing', 'blocked', 'unlicensed']
    for (const state of worth) await happen(node.path, { state }, 'connection.changed')
    await work(worth.length)
    const told = hook.posted.map(({ body }) => JSON.parse(body).data.state)
    expect(told.sort()).toEqual([...worth].sort())
  })
})

describe('values from outside', () => {
  const hostile = [
    'x\r\nBcc: eve@evil.example\r\n\r\n<script>alert(1)</script>',
    'x\nSubject: other',
    '<img src=x onerror=alert(1)>',
    '.\r\nMAIL FROM:<eve@evil.example>\r\nRCPT TO:<eve@evil.example>\r\nDATA\r\n',
    'Zo\u00eb \u{1f4a5} \u2028 \u202e\u0000',
    '=?utf-8?q?Bcc:_eve=40evil.example?=',
  ]

  it.each(hostile)('F5: %j in a message adds no header, recipient or markup', async (text) => {
    const { node, address } = await watched()
    await happen(node.path, { message: `${text} ends. Do something.` })
    await work()
    expect(mail.taken).toHaveLength(1)
    const [taken] = mail.taken
    expect([taken?.from, taken?.to]).toEqual(['patchbay@provider.example', [address]])
    const headers = headersOf(taken?.raw ?? '')
    expect([...headers.keys()].sort()).toEqual(
      [
        ...['auto-submitted', 'content-transfer-encoding', 'content-type', 'date', 'from'],
        ...['message-id', 'mime-version', 'subject', 'to'],
      ].sort(),
    )
    expect(headers.get('content-type')).toMatch(/^text\/plain/)
    expect(hook.posted).toHaveLength(1)
    expect(JSON.parse(hook.posted[0]?.body ?? '').message).toContain(text.replace('\0', '\ufffd'))
  })

  it.each([
    'a@b',
    'a@x.example, eve@evil.example',
    'a@x.example\r\nBcc: eve@evil.example',
    '"a b"@x.example',
    'Eve <eve@x.example>',
    '@x.example:eve@evil.example',
  ])('F5: %j is refused as a mailbox by the contract', async (address) => {
    const { alertRoutes } = await import('../../src/contract/alerts.ts')
    const { Check } = await import('typebox/value')
    expect(Check(alertRoutes.add.body, { nodeId: 1, mail: 'ada.l+x@x.example' })).toBe(true)
    expect(Check(alertRoutes.add.body, { nodeId: 1, mail: address })).toBe(false)
  })
})

describe('targets', () => {
  it('G1: a webhook at an address that is not allowed is refused', async () => {
    const { node } = await watched()
    for (const webhook of [
      'http://hook.test/alerts',
      'https://user:pw@hook.test/',
      'https://10.1.2.3/',
      'https://169.254.169.254/latest',
      'https://0x7f000001:25/',
      'file:///etc/passwd',
    ]) {
      const failure = await failureOf(
        addTarget(provider, dependencies, { nodeId: node.id, webhook }),
      )
      expect([webhook, failure.code]).toEqual([webhook, 'bad-input'])
    }
  })

  it('G3: a redirect is no delivery, and nothing is sent where it leads', async () => {
    const { webhook } = await watched()
    hook.answer(302)
    const report = await testTarget(provider, dependencies, webhook.id)
    expect(report).toEqual({ delivered: false, message: 'The webhook answered 302.' })
    expect(hook.posted).toHaveLength(1)
  })

  it('G5: a webhook that cannot be reached is told in one way only', async () => {
    const messages = new Set<string>()
    for (const place of ['closed.test:9999', 'hook.test:443', 'evil.test:8443']) {
      const { node } = await watched()
      const input = { nodeId: node.id, webhook: `https://${place}/` }
      const { target } = await addTarget(provider, dependencies, input)
      const report = await testTarget(provider, dependencies, target.id)
      expect(report.delivered).toBe(false)
      messages.add(report.message)
    }
    expect([...messages]).toEqual(['The webhook could not be reached, or answered too late.'])
  })

  it('are kept to their scope, twice to none, and told no more once removed', async () => {
    const { node, mailbox, webhook, address } = await watched()
    const elsewhere = await addNode(bench, 1, 'customer', 'Elsewhere')
    const foreign = actorAt(elsewhere.path)
    expect((await listTargets(foreign, bench.store, {})).items).toEqual([])
    expect((await failureOf(removeTarget(foreign, bench.store, mailbox.id))).code).toBe('not-found')
    expect((await failureOf(testTarget(foreign, dependencies, mailbox.id))).code).toBe('not-found')
    const again = addTarget(provider, dependencies, { nodeId: node.id, mail: address })
    expect((await failureOf(again)).code).toBe('conflict')
    const neither = addTarget(provider, dependencies, { nodeId: node.id })
    expect((await failureOf(neither)).code).toBe('bad-input')
    const silent = { ...dependencies, sendMail: undefined }
    const unsent = addTarget(provider, silent, { nodeId: node.id, mail: 'b@x.example' })
    expect((await failureOf(unsent)).message).toContain('patchbay.json')
    await happen(node.path)
    await removeTarget(provider, bench.store, mailbox.id)
    await removeTarget(provider, bench.store, webhook.id)
    const audit = await inScope(bench.store.db, node.path, (tx) => listAudit(tx))
    expect(audit.slice(0, 2).map(({ action }) => action)).toEqual(['alert.remove', 'alert.remove'])
    expect(audit.filter(({ action }) => action === 'alert.add')).toHaveLength(2)
    await work()
    expect([mail.taken.length, hook.posted.length]).toEqual([0, 0])
  })
})

describe('the way to the mail server', () => {
  const message = {
    ...{ id: 'a1', to: 'duty@customer.example', subject: 's', text: 't' },
    sentAt: new Date(),
  }

  it('G2, G6: is checked at connect, and its certificate always', async () => {
    const send = (change: object) =>
      createMailer(createOpenSocket(lookup), { ...mailSettings(), ...change })(message)
    expect((await failureOf(send({ allowedAddresses: [] }))).code).toBe('address-refused')
    expect((await failureOf(send({ host: '127.0.0.1', allowedAddresses: [] }))).code).toBe(
      'address-refused',
    )
    expect((await failureOf(send({ ca: undefined }))).code).toBe('unavailable')
    expect((await failureOf(send({ host: 'other.test' }))).code).toBe('unavailable')
    const wrong = await failureOf(send({ password: new Sealed('mail-wrong-2') }))
    expect(wrong.message).toMatch(/\(it answered 535\)/)
    expect(JSON.stringify([wrong.message, wrong])).not.toContain('mail-wrong-2')
    expect(mail.taken).toHaveLength(0)
    await send({})
    expect(mail.taken).toHaveLength(1)
  })

  it('J3: ends by its time, however slowly the server goes on', async () => {
    const silent = createServer((socket) => void socket.on('error', () => {}))
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = Object(silent.address())
    const settings = { ...mailSettings(), port, security: 'none' as const, user: undefined }
    const began = performance.now()
    const send = createMailer(createOpenSocket(lookup), settings, 300)
    expect((await failureOf(send(message))).code).toBe('unavailable')
    expect(performance.now() - began).toBeLessThan(10_000)
    silent.close()
  })

  it('G6: is encrypted after STARTTLS, or nothing is sent', async () => {
    for (const how of ['starttls', 'plain'] as const) {
      const server = await startMailServer(how)
      const settings = { ...mailSettings(), port: server.port, ca: server.ca }
      const send = createMailer(createOpenSocket(lookup), { ...settings, security: 'starttls' })
      if (how === 'plain') {
        expect((await failureOf(send(message))).code).toBe('unavailable')
        expect(server.taken).toHaveLength(0)
      } else {
        await send(message)
        expect(server.taken).toMatchObject([{ secure: true, user: 'patchbay' }])
      }
      await server.close()
    }
  })
})
