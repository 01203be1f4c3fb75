import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { control } from '../engine/control.ts'
import { startTestPatchbay, type TestPatchbay } from '../server/patchbay.ts'
import { run } from './command.ts'

let patchbay: TestPatchbay
let folder: string
const user = 'device/msgraph/MSOLUser'

beforeAll(async () => {
  patchbay = await startTestPatchbay()
  folder = await mkdtemp(join(tmpdir(), 'patchbay-test-operations-'))
})
afterAll(async () => {
  await patchbay.close()
  await rm(folder, { recursive: true })
})

function patch(args: readonly string[]) {
  const env = { PATCHBAY_SERVER: patchbay.url, PATCHBAY_TOKEN_FILE: patchbay.tokenFile }
  return run(args, { env })
}

async function json<T>(args: readonly string[]): Promise<T> {
  const ended = await patch([...args, '--json'])
  expect(ended).toMatchObject({ exit: 0 })
  return JSON.parse(ended.out)
}

it('imports a tenant, with the secret from a file of its own, and syncs it on save', async () => {
  const { tenantId, clientId, clientSecret } = patchbay.emulator.tenants[0] ?? expect.fail('none')
  await json(['node', 'create', '--parent', '1', '--kind', 'customer', 'Contoso'])
  const file = join(folder, 'export.json')
  const exported = {
    ...{ Tenant: { name: 'Contoso' }, pkid: '7', syncGraph: true, 'graph.cloud': 'emulator' },
    'Microsoft 365': { client_id: clientId, tenant_id: tenantId },
  }
  await writeFile(file, JSON.stringify(exported))
  const dry = await patch(['tenant', 'import', file, '--node', '2', '--dry-run'])
  expect(dry).toMatchObject({ exit: 5 })
  expect(dry.err).toContain('still missing: graph.clientSecret')
  expect(dry.out).toMatch(/Microsoft 365\.client_id +graph\.clientId/)
  const secretFile = join(folder, 'secret')
  await writeFile(secretFile, clientSecret)
  const secret = ['--secret-file', secretFile]
  const made = await patch(['tenant', 'import', file, '--node', '2', ...secret])
  expect(made).toMatchObject({ exit: 0, err: '' })
  expect((await patch(['tenant', 'show', '1'])).out).toMatch(/^sync.onSave +yes$/m)
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const { items } = await json<{ items: { state: string }[] }>(['sync', 'list'])
    if (/^(succeeded|failed)/.test(items[0]?.state ?? '')) break
    await wait(100)
  }
  const { count } = await json<{ count: number }>(['resource', 'list', user])
  expect(count).toBe(patchbay.emulator.tenants[0]?.users)
})

it('makes, shows, changes, pauses, resumes and deletes a schedule', async () => {
  const nightly = ['--cron', '30 2 * * MON-FRI', '--time-zone', 'Europe/Berlin']
  const made = await patch(['schedule', 'create', '--name', 'Nightly', ...nightly])
  expect(made.out).toMatch(/when +30 2 \* \* MON-FRI \(Europe\/Berlin\)\n[\s\S]*next +2/)
  expect((await patch(['schedule', 'list'])).out).toMatch(/Nightly/)
  expect((await patch(['schedule', 'pause', '1'])).out).toMatch(/paused +Paused by Administrator/)
  expect((await patch(['schedule', 'resume', '1'])).out).toMatch(/next +2/)
  const changed = await patch(['schedule', 'set', '1', '--every', '30', '--model', user])
  expect(changed.out).toMatch(/models +device\/msgraph\/MSOLUser\n[\s\S]*every 30 min/)
  expect(await patch(['schedule', 'delete', '1'])).toMatchObject({ exit: 0 })
  const wrong = await patch(['schedule', 'create', '--name', 'X', '--cron', '99 * * * *'])
  expect(wrong).toMatchObject({ exit: 2 })
  expect(wrong.err).toContain('cron')
})

it('says what syncs leave undone, and lifts it', async () => {
  const set = await patch(['schedule', 'rule', user, '--disable', 'remove', 'add'])
  expect(set.out).toMatch(/left undone +add, remove/)
  expect((await patch(['schedule', 'rules'])).out).toMatch(/MSOLUser +add, remove/)
  expect((await patch(['schedule', 'rule', user])).out).toMatch(/left undone +nothing/)
})

it('leaves out a model that the application may not read, as its error says', async () => {
  const [{ tenantId } = { tenantId: '' }] = patchbay.emulator.tenants
  const microsoft = control(patchbay.emulator, tenantId)
  await microsoft.fault('forbidden', { path: 'graph.room(\\?|$)' })
  const all = ['sync', 'start', '--wait']
  const failed = await patch(all)
  expect(failed).toMatchObject({ exit: 5 })
  expect(failed.out).toContain('Room the application needs Place.Read.All')
  const [, remedy = ''] = /`patchbay (schedule rule [^`]+)`/.exec(failed.out) ?? []
  expect(await patch(remedy.split(' '))).toMatchObject({ exit: 0, err: '' })
  await microsoft.clearCalls()
  expect(await patch(all)).toMatchObject({ exit: 0 })
  const asked = await microsoft.calls()
  expect(asked.filter(({ path }) => /graph\.room(\?|$)/.test(path))).toEqual([])
  const named = await patch(['sync', 'start', '--model', 'device/msgraph/Room'])
  expect(named).toMatchObject({ exit: 1 })
  expect(named.err).toContain('leave out device/msgraph/Room')
  await microsoft.clearFaults()
  await patch(['schedule', 'rule', 'device/msgraph/Room'])
  expect((await patch(all)).out).toMatch(/device\/msgraph\/Room +done/)
  await microsoft.close()
})

it('exports objects as CSV and as JSON', async () => {
  const people = patchbay.emulator.tenants[0]?.users ?? 0
  const csv = await patch(['resource', 'export', user])
  expect(csv).toMatchObject({ exit: 0, err: '' })
  expect(csv.out.split('\r\n')).toHaveLength(people + 2)
  const { out } = await patch(['resource', 'export', user, '--format', 'json'])
  expect(JSON.parse(out)).toHaveLength(people)
  expect((await patch(['resource', 'export', user, '--json'])).out).toBe(out)
  const both = await patch(['resource', 'export', user, '--json', '--format', 'csv'])
  expect(both).toMatchObject({ exit: 2, out: '' })
  expect(both.err).toContain('--format json only')
  const audit = await json<{ items: { action: string }[] }>(['audit', 'list'])
  expect(audit.items.filter(({ action }) => action === 'resource.export')).toHaveLength(3)
  expect(await patch(['resource', 'export', 'device/msgraph/No'])).toMatchObject({ exit: 4 })
})

it('documents each of these commands', async () => {
  const text = await readFile('docs/cli.md', 'utf8')
  for (const noun of ['schedule', 'subscription', 'completion', 'doctor']) {
    expect(text).toMatch(new RegExp(`\`${noun} |patchbay ${noun}`))
  }
})
