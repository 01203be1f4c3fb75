import { execFileSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ConnectProxy, startProxy } from '../connectors/connectProxy.ts'
import { figure } from '../figures/figure.ts'
import { makeCertificate, pfxOf } from './broughtCertificate.ts'
import { type Canary, makeCanary, search } from './canaries.ts'
import { hasty, meetEveryFault } from './faultyMicrosoft.ts'
import {
  gatherAnswers,
  gatherEvents,
  gatherFiles,
  gatherFolder,
  gatherLogs,
  gatherTables,
  type Sinks,
  watchProcesses,
} from './sinks.ts'
import { openWorld, users, type World } from './world.ts'

let world: World
let proxy: ConnectProxy
/** Files a person keeps outside of Patchbay's own folder. */
let folder: string
/** Where every process is to put what it needs for a moment, and where it leaves its core. */
let temporary: string
let cores: string
/** What commands and answers said on the way. */
const said: Sinks = new Map()

const canaries: Canary[] = []
/** No secret, and shown everywhere: the same search has to find it there. */
const planted = makeCanary('planted', '----')

/** How those of Microsoft begin; only it and the process that asked for one may hold it. */
const tokens = ['eyJ0eXAiOi', 'eyJhbGciOi'].map((text) => ({ name: 'token', text }))

function canary(name: string, special?: string): Canary {
  const made = makeCanary(name, special)
  canaries.push(made)
  return made
}

/** A secret in a file, as the command line takes it. */
async function inFile(text: string): Promise<string> {
  const path = join(folder, `${said.size}-${Math.trunc(performance.now() * 1_000)}`)
  await writeFile(path, text, { mode: 0o600 })
  return path
}

async function patchbay(args: readonly string[], exit = 0): Promise<string> {
  const ended = await world.patchbay([...args, '--json'])
  said.set(`command ${said.size}: ${args.slice(0, 2).join(' ')}`, ended.out + ended.err)
  expect(ended).toMatchObject({ exit })
  return ended.out
}

async function refused(path: string, init: RequestInit, status: number): Promise<void> {
  const headers = { authorization: `Bearer ${await world.token()}`, ...init.headers }
  const answer = await fetch(`${world.url()}${path}`, { ...init, headers })
  said.set(
    `refusal ${said.size}: ${path}`,
    JSON.stringify([...answer.headers]) + (await answer.text()),
  )
  expect(answer.status).toBe(status)
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-journey-secrets-'))
  ;[temporary, cores] = [join(folder, 'temporary'), join(folder, 'cores')]
  await Promise.all([mkdir(temporary), mkdir(cores)])
  // Whoever asks by a proxy that is away is answered after this, and does not hear why.
  world = await openWorld(30, { proxyCheckMs: 2_000, ...hasty })
  process.env.TMPDIR = temporary
  proxy = await startProxy(() => Number(new URL(world.emulator.url).port))
  const file = join(world.dataDir, 'patchbay.json')
  const settings = JSON.parse(await readFile(file, 'utf8'))
  const proxies = { allowedAddresses: ['127.0.0.0/8'] }
  await writeFile(file, JSON.stringify({ ...settings, proxies }))
  await world.serve()
})
afterAll(async () => {
  delete process.env.TMPDIR
  await world.close({ cut: true })
  await proxy.close()
  await rm(folder, { recursive: true })
})

describe('secrets', () => {
  let processes: ReturnType<typeof watchProcesses>
  let privateKey = ''
  let certificatePem = ''

  it('go in by every way there is', async () => {
    processes = watchProcesses(world)
    await patchbay(['node', 'create', '--parent', '1', '--kind', 'customer', planted.text])
    ;({ privateKey, certificatePem } = makeCertificate())
    // What begins every key is no secret, so pieces from within are sought.
    const body = privateKey.replace(/-----.*-----|\n/g, '')
    for (const at of [200, 600, 1_000]) {
      canaries.push({ name: `private key at ${at}`, text: body.slice(at, at + 32) })
    }
    const pfxPassword = canary('password of the PFX')
    const pem = await inFile(`${privateKey}\n${certificatePem}`)
    await patchbay(['certificate', 'import', '--node', '2', '--name', 'A', '--pem-file', pem])
    const pfx = await inFile('')
    await writeFile(pfx, pfxOf(privateKey, certificatePem, pfxPassword.text))
    const asPfx = ['certificate', 'import', '--node', '2', '--name', 'B', '--pfx-file', pfx]
    const wrong = await inFile(canary('wrong password of the PFX').text)
    await patchbay([...asPfx, '--password-file', wrong], 2)
    await patchbay([...asPfx, '--password-file', await inFile(pfxPassword.text)])

    await patchbay(['tenant', 'add', '--node', '2', '--name', 'Contoso', ...(await everyField())])
    await patchbay(['tenant', 'set', '1', '--description', planted.text])
  })

  it('are used', async () => {
    await patchbay(['tenant', 'test', '1', '--yes'])
    await patchbay(['sync', 'start', '1', '--wait'])
    const [person] = JSON.parse(await patchbay(['resource', 'list', '1', users])).items
    const set = ['resource', 'set', '1', users, person.key, 'department=Night Watch']
    await patchbay([...set, '--dry-run'])
    await patchbay([...set, '--wait'])
    await patchbay(['transaction', 'undo', '1', '--wait'])
    expect(proxy.connects.length).toBeGreaterThan(0)
  })

  it('are replaced, and refused by the other side', async () => {
    await patchbay(['tenant', 'set', '1', ...(await everySecret('replaced '))])
    await patchbay(['tenant', 'test', '1', '--yes'])
    const second = await inFile(canary('second client secret').text)
    await patchbay(['credential', 'add', '1', '--secret-file', second])
    await patchbay(['credential', 'test', '1'], 1)
    await patchbay(['credential', 'promote', '1'], 1)
    await patchbay(['credential', 'list'])
    const wrong = canary('client secret that is wrong', '.~_-')
    await patchbay(['tenant', 'set', '1', '--secret-file', await inFile(wrong.text)])
    await patchbay(['tenant', 'test', '1', '--yes'], 1)
    await patchbay(['sync', 'start', '1', '--full', '--wait'], 1)
  })

  it('are given to no proxy that is away, and replaced by a certificate', async () => {
    const nowhere = await inFile(
      proxyAddress(canary('password of a proxy that is away').text, 9_999),
    )
    // A stored secret does not follow to another proxy: it is given again.
    const again = ['--secret-file', await inFile(canary('client secret given again').text)]
    await patchbay(['tenant', 'set', '1', '--field-file', `graph.secureProxy=${nowhere}`, ...again])
    await patchbay(['tenant', 'test', '1', '--yes'], 1)
    // A certificate takes the place of all of them.
    const { tenantId } = world.tenant
    await world.microsoft.ask('POST', `tenants/${tenantId}/certificates`, { pem: certificatePem })
    const none = ['--field', 'graph.clientSecret=', '--field', 'graph.secureProxy=']
    await patchbay(['tenant', 'set', '1', '--certificate', '1', ...none])
    await patchbay(['tenant', 'test', '1', '--yes'])
    await patchbay(['sync', 'start', '1', '--full', '--wait'])
  })

  it('are refused for their form', async () => {
    const json = { 'content-type': 'application/json' }
    const send = (text: string, headers = {}) => ({
      ...{ method: 'PATCH', body: text, headers: { ...json, ...headers } },
    })
    const secret = canary('refused secret').text
    const graph = (value: unknown) => JSON.stringify({ graph: { clientSecret: value } })
    await refused('/v1/tenants/1', send(graph(secret.repeat(20))), 400)
    await refused('/v1/tenants/1', send(graph({ value: secret })), 400)
    await refused('/v1/tenants/1', send(graph(`${secret}\n`)), 400)
    await refused('/v1/tenants/1', send(graph([secret])), 400)
    await refused('/v1/tenants/1', send(JSON.stringify({ graph: { secret } })), 400)
    await refused('/v1/tenants/1', send(graph(secret).slice(0, -2)), 400)
    await refused('/v1/tenants/1', send(graph(secret), { 'content-type': 'text/plain' }), 415)
    await refused('/v1/tenants/99', send(graph(secret)), 404)
    const proxied = { graph: { proxy: proxyAddress(canary('password out of place').text, 3_128) } }
    await refused('/v1/tenants/1', send(JSON.stringify(proxied)), 400)
    const token = canary('token of nobody', '_-_-').text
    await refused('/v1/tenants', { headers: { authorization: `Bearer ${token}` } }, 401)
    await refused(`/v1/tenants?token=${canary('token in a query', '_-_-').text}`, {}, 400)
    const argument = canary('password in an argument', '_-_-').text
    const address = `graph.secureProxy=${proxyAddress(argument, 3_128)}`
    await patchbay(['tenant', 'set', '1', '--field', address], 2)
    // It stood in the list of processes by the caller's own hand; nothing may carry it further.
    canaries.pop()
    expect([...said.values()].join()).not.toContain(argument.slice(0, 12))
  })

  it('E1: are used while Microsoft has every trouble the emulator knows', async () => {
    for (const [what, text] of await meetEveryFault(world, canary)) said.set(what, text)
    expect(said.get('received elsewhere')).toBe('')
    const failed = [...said.values()].filter((text) => /"(outcome|state)":"failed"/.test(`${text}`))
    expect(failed.length).toBeGreaterThan(20)
  }, 60_000)

  it('survive that everything is killed', async () => {
    for (const one of world.living()) await one.end('SIGKILL')
    await world.serve('all', '0', cores)
    await patchbay(['sync', 'start', '1', '--wait'])
  })

  // Fails when the launcher leaves it to the system what of its memory is dumped.
  it.runIf(dumpsHere)(
    'E1: are in no core dump (skipped where Linux hands them to a program)',
    async () => {
      for (const one of world.living()) {
        execFileSync('prlimit', ['--pid', `${one.pid}`, '--core=unlimited'])
        await one.end('SIGABRT')
      }
      const dumps = await gatherFolder(cores)
      figure('core dumps searched', dumps.size, '= 1')
      expect(search(dumps, canaries)).toEqual([])
      await world.serve()
      await patchbay(['tenant', 'test', '1', '--yes'])
    },
  )

  it('E1: come out nowhere', async () => {
    const { items } = JSON.parse(await patchbay(['resource', 'list', '1', users]))
    const nightly = ['schedule', 'create', '1', '--name', 'Nightly', '--cron', '0 3 * * *']
    const { id: scheduleId } = JSON.parse(await patchbay(nightly))
    // Vouched for by a provider, so that no invitation is printed.
    const vouched = ['--issuer', 'https://id.contoso.example', '--subject', 'ada']
    const ada = ['person', 'create', 'ada', '--node', '2', '--name', 'Ada', ...vouched]
    const { id: personId } = JSON.parse(await patchbay(ada))
    const places = {
      ...{ personId: `${personId}`, profileId: '1', roleId: '1', provider: 'none', link: 'none' },
      ...{ scheduleId: `${scheduleId}`, number: '1' },
      ...{ nodeId: '2', tenantId: '1', certificateId: '1', syncId: '1', transactionId: '1' },
      ...{ application: 'msgraph', name: 'MSOLUser', ref: items[0].key },
    }
    canaries.push({ name: 'token of the administrator', text: await world.token() })
    const [, masterKey = ''] = (await readOwn('master-key')).split(' ')
    canaries.push({ name: 'master key', text: masterKey })
    const password = await readOwn('postgres/instance/password')
    canaries.push({ name: 'password of the database', text: password })
    const derived = createHmac('sha256', password).update('patchbay_app').digest('base64url')
    canaries.push({ name: 'password of the application', text: derived })

    const calls = await world.microsoft.ask('GET', 'calls')
    const sinks: Sinks = new Map([
      ...said,
      ['calls at Microsoft', JSON.stringify(calls)],
      ...(await gatherLogs(world)),
      ...(await gatherAnswers(world, places)),
      ...(await gatherEvents(world)),
      ...(await gatherTables(world)),
      ...(await processes.stop()),
    ])
    expect(canaries.length).toBeGreaterThan(20)
    expect(search(sinks, canaries)).toEqual([])
    expect(search(sinks, tokens)).toEqual([])
    expectPlanted(sinks)

    const backup = join(temporary, 'backup')
    const ended = await world.patchbay(['backup', backup, '--data', world.dataDir])
    expect(ended).toMatchObject({ exit: 0 })
    const kept = await gatherFolder(temporary)
    const files = new Map([...(await gatherFiles(world)), ...kept])
    expect(search(files, [...canaries, ...tokens])).toEqual([])
    const shown = search(files, [planted], isPlain).map(({ sink }) => sink)
    expect(shown.length).toBeGreaterThan(1)
    expect(shown).toContain('file backup')
  }, 60_000)
})

describe('the search', () => {
  it('finds a secret that lies open in a table, and then in the files of the database', async () => {
    const one = makeCanary('one')
    const hex = Buffer.from(one.text).toString('hex')
    const command = Buffer.from(one.text, 'utf16le').toString('base64')
    const texts = `select array[$1::text, $3::text] as t, $2::bytea as b`
    const values = [one.text, Buffer.from(one.text), command]
    await world.query(`create table public.open as ${texts}`, values)
    const tables = await gatherTables(world)
    expect(tables.get('table public.open')).toContain(hex)
    expect(search(tables, [one]).map(({ form }) => form)).toEqual(
      expect.arrayContaining(['JSON', 'hex', 'first 12', 'last 12']),
    )
    await world.query('checkpoint')
    const forms = search(await gatherFiles(world), [one]).map(({ form }) => form)
    expect(forms).toEqual(expect.arrayContaining(['plain', 'base64 of UTF-16 at 0']))
  })
})

/** Not where a program takes them, or no limit can be lifted. */
const dumpsHere = dumpsIntoFolder()

function dumpsIntoFolder(): boolean {
  try {
    execFileSync('prlimit', ['--pid', `${process.pid}`, '--core'])
    return !/[|/]/.test(readFileSync('/proc/sys/kernel/core_pattern', 'utf8'))
  } catch {
    return false
  }
}

const isPlain = (form: string) => form === 'plain'

const readOwn = async (name: string) => (await readFile(join(world.dataDir, name), 'utf8')).trim()

/** A proxy on this machine, with its password as it stands in an address. */
function proxyAddress(password: string, port = proxy.webProxy('').endpoint.port): string {
  return `http://journey:${encodeURIComponent(password)}@127.0.0.1:${port}`
}

/** Every secret of a tenant, each new; the emulated Microsoft takes the client secret. */
async function everySecret(prefix = ''): Promise<string[]> {
  const clientSecret = canary(`${prefix}client secret`)
  const { tenantId } = world.tenant
  await world.microsoft.ask('POST', `tenants/${tenantId}/secrets`, { text: clientSecret.text })
  const address = proxyAddress(canary(`${prefix}password of the proxy`).text)
  const passwords = ['powershell.password', 'httpProxy.password', 'teams.adminPassword']
  const files = await Promise.all(
    passwords.map(async (field) => [field, await inFile(canary(`${prefix}${field}`).text)]),
  )
  files.push(['graph.secureProxy', await inFile(address)])
  return [
    ...['--secret-file', await inFile(clientSecret.text)],
    ...files.flatMap(([field, file]) => ['--field-file', `${field}=${file}`]),
  ]
}

async function everyField(): Promise<string[]> {
  const { tenantId, clientId } = world.tenant
  const fields = [
    ...['powershell.mode=windows-proxy', 'powershell.host=proxy.contoso.example'],
    ...['powershell.username=patchbay', 'httpProxy.use:=true', 'httpProxy.authenticate:=true'],
    ...[
      'httpProxy.username=web',
      'teams.enabled:=true',
      'teams.adminUsername=admin@contoso.example',
    ],
  ]
  return [
    ...['--cloud', 'emulator', '--tenant-id', tenantId, '--client-id', clientId],
    ...fields.flatMap((field) => ['--field', field]),
    ...(await everySecret()),
  ]
}

/** What is no secret is found by the same search in every place that was looked at. */
function expectPlanted(sinks: Sinks): void {
  const where = new Set(search(sinks, [planted], isPlain).map(({ sink }) => sink))
  const shown = ['answer of tenant.show', 'answer of node.list', 'answer of audit.list', 'events']
  for (const sink of [...shown, 'table patchbay.tenant', 'table patchbay.audit']) {
    expect(where).toContain(sink)
  }
  expect([...where].filter((sink) => sink.startsWith('command'))).not.toEqual([])
  for (const one of world.served) {
    const found = search(sinks, [{ name: 'tenant', text: world.tenant.tenantId }], isPlain)
    expect(found.map(({ sink }) => sink)).toContain(`log of ${one.pid}`)
  }
  expect(sinks.get('log of PostgreSQL')).toContain('database system is ready')
  // Arguments of servers and of commands, their environments, and what the database is doing.
  for (const text of [world.dataDir, '--wait', 'PATCHBAY_TOKEN_FILE=', 'patchbay_app']) {
    expect(sinks.get('processes')).toContain(text)
  }
}
