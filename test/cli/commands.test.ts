import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { control } from '../engine/control.ts'
import { startTestPatchbay, type TestPatchbay } from '../server/patchbay.ts'
import { run } from './command.ts'

let patchbay: TestPatchbay
let folder: string
let secretFile: string

beforeAll(async () => {
  patchbay = await startTestPatchbay()
  folder = await mkdtemp(join(tmpdir(), 'patchbay-test-cli-'))
  secretFile = join(folder, 'secret')
  await writeFile(secretFile, `${patchbay.emulator.tenants[0]?.clientSecret}\n`, { mode: 0o600 })
})
afterAll(async () => {
  await patchbay.close()
  await rm(folder, { recursive: true })
})

function patch(args: readonly string[], input?: string) {
  const env = { PATCHBAY_SERVER: patchbay.url, PATCHBAY_TOKEN_FILE: patchbay.tokenFile }
  return run(args, { env, ...(input !== undefined && { input }) })
}

/** What the command answers; the tests know its shape. */
async function json<T = unknown>(args: readonly string[]): Promise<T> {
  const ended = await patch([...args, '--json'])
  expect(ended).toMatchObject({ exit: 0 })
  return JSON.parse(ended.out)
}

const user = 'device/msgraph/MSOLUser'

describe('the main line', () => {
  let name = ''

  it('creates a node and attaches a tenant with a secret that stands in no argument', async () => {
    await json(['node', 'create', '--parent', '1', '--kind', 'customer', 'Contoso'])
    const { tenantId = '', clientId = '' } = patchbay.emulator.tenants[0] ?? {}
    const ids = ['--tenant-id', tenantId, '--client-id', clientId, '--cloud', 'emulator']
    const tenant = await json([
      ...['tenant', 'add', '--node', '2', '--name', 'Contoso', ...ids],
      ...['--secret-file', secretFile],
    ])
    expect(tenant).toMatchObject({ id: 1, graph: { clientSecret: { set: true } } })
    const listed = await patch(['tenant', 'list'])
    expect(listed.out).toMatch(/^id +name[\s\S]*\n 1 +Contoso/)
  })

  it('tests the connection once that is confirmed', async () => {
    expect(await patch(['tenant', 'test', '1'])).toMatchObject({ exit: 2, out: '' })
    const ended = await patch(['tenant', 'test', '1', '--yes'])
    expect(ended.out).toMatch(/^step +outcome +finding\n[\s\S]*Test Connection of tenant 1: /)
    expect(ended).toMatchObject({ exit: 0 })
  })

  it('reads it in, waiting, with progress beside the data', async () => {
    const ended = await patch(['sync', 'start', '1', '--wait'])
    expect(ended).toMatchObject({ exit: 0 })
    expect(ended.err).toMatch(/^sync 1 \w+ \| \d+ of \d+ models/)
    expect(ended.err).not.toContain('\u001b')
    expect(ended.out).toMatch(/device\/msgraph\/MSOLUser +done +40 /)
  })

  it('reads in pages of the sizes the tenant names, of 999 when it names none', async () => {
    const { tenantId = '' } = patchbay.emulator.tenants[0] ?? {}
    const microsoft = control(patchbay.emulator, tenantId)
    const sizes = async (users: number, groups: number) => [
      (await microsoft.calls()).some(({ path }) => asksFor(path, 'users', users)),
      (await microsoft.calls()).some(({ path }) => asksFor(path, 'groups', groups)),
    ]
    expect(await sizes(999, 999)).toEqual([true, true])
    const given = ['--field', 'graph.userPageSize:=7', '--field', 'graph.groupPageSize:=3']
    await json(['tenant', 'set', '1', ...given])
    await microsoft.clearCalls()
    await json(['sync', 'start', '1', '--full', '--wait'])
    expect(await sizes(7, 3)).toEqual([true, true])
    expect(await sizes(999, 999)).toEqual([false, false])
    await microsoft.close()
  })

  it('finds and shows objects; the tenant may be left away', async () => {
    interface Page {
      items: { columns: { userPrincipalName: string } }[]
    }
    const page = await json<Page>(['resource', 'list', '1', user, '--limit', '2'])
    expect(page).toMatchObject({ items: [{}, {}], count: 40, countIsExact: true })
    name = page.items[0]?.columns.userPrincipalName ?? ''
    const shown = await json(['resource', 'show', user, name])
    expect(shown).toMatchObject({ data: { userPrincipalName: name } })
    const both = await patch(['resource', 'list', '--tenant', '1', user, '--search', name])
    expect(both.out).toContain(name)
  })

  it('plans, changes and puts back', async () => {
    const set = ['resource', 'set', '--tenant', '1', user, name, 'department=Night Watch']
    const plan = await patch([...set, '--dry-run'])
    expect(plan.out).toMatch(/PATCH \/users\/[\s\S]*department: .* -> Night Watch/)
    expect(await patch([...set, '--wait'])).toMatchObject({ exit: 0 })
    const undone = await patch(['transaction', 'undo', '1', '--wait'])
    expect(undone.out).toMatch(/state +succeeded/)
    const history = await patch(['resource', 'history', user, name])
    expect(history.out.match(/Night Watch/g)).toHaveLength(2)
  })

  it('tells what a change is to do, and when there was nothing to do', async () => {
    const set = ['resource', 'set', user, name]
    expect((await patch([...set, 'jobTitle='])).out).toContain('jobTitle: to be (empty)')
    await patch([...set, 'city=Here', '--wait'])
    expect((await patch([...set, 'city=Here', '--wait'])).out).toContain('it was so already')
  })

  it('shows every field of a tenant that says something', async () => {
    const values = ['graph.proxy=http://proxy.example:3128/', 'teams.enabled:=true']
    const fields = [...values, 'sync.notifications:=true']
    const given = fields.flatMap((field) => ['--field', field])
    const { out } = await patch(['tenant', 'set', '1', ...given, '--secret-file', secretFile])
    expect(out).toMatch(/^graph.proxy +http:\/\/proxy.example:3128\/$/m)
    expect(out).toMatch(/^teams.enabled +yes$/m)
    expect(out).toMatch(/^sync.notifications +yes$/m)
    expect(out).not.toMatch(/httpProxy|sync.deleteThreshold/)
    const off = ['graph.proxy=', 'teams.enabled:=false', 'sync.notifications:=false']
    const cleared = off.flatMap((field) => ['--field', field])
    await patch(['tenant', 'set', '1', ...cleared, '--secret-file', secretFile])
  })

  it('follows what happened', async () => {
    const { out } = await patch(['audit', 'list', '--limit', '3'])
    expect(out).toContain('transaction.')
    expect(await json(['job', 'list'])).toMatchObject({ jobs: [], workers: [{}] })
  })
})

function asksFor(path: string, list: string, size: number): boolean {
  return path.startsWith(`/v1.0/${list}?`) && `${path}&`.includes(`$top=${size}&`)
}

describe('exit codes', () => {
  it.each([
    [2, ['foo']],
    [2, ['tenant']],
    [2, ['tenant', 'foo']],
    [2, ['tenant', 'show']],
    [2, ['tenant', 'show', 'x']],
    [2, ['node', 'create', 'x', '--parent', '1', '--kind', 'planet']],
    [2, ['resource', 'show', '1', 'MSOLUser', 'x']],
    [2, ['resource', 'list', user, '--filter', 'nothing=1']],
    [4, ['tenant', 'show', '99']],
    [4, ['model', 'show', 'device/msgraph/Nothing']],
    [1, ['node', 'create', 'Contoso', '--parent', '1', '--kind', 'customer']],
    [1, ['sync', 'cancel', '1']],
    [0, ['--help']],
    [0, ['sync', 'start', '--help']],
  ])('%i for %j', async (exit, args) => {
    const ended = await patch(args)
    expect(ended.exit).toBe(exit)
    // What failed leaves standard output to whoever reads data from it.
    expect(exit === 0 ? ended.err : ended.out).toBe('')
  })

  it('3 without a token, or with a wrong one', async () => {
    const env = { PATCHBAY_SERVER: patchbay.url, PATCHBAY_DATA: folder }
    expect(await run(['tenant', 'list'], { env })).toMatchObject({ exit: 3 })
    const wrong = join(folder, 'wrong-token')
    await writeFile(wrong, 'pb_wrong', { mode: 0o600 })
    expect(await patch(['tenant', 'list', '--token-file', wrong])).toMatchObject({ exit: 3 })
  })

  it('6 when nothing answers there', async () => {
    const ended = await patch(['tenant', 'list', '--server', 'http://127.0.0.1:1'])
    expect(ended).toMatchObject({ exit: 6 })
    expect(ended.err).toContain('127.0.0.1:1')
  })

  it('6 when waiting took too long, and the work goes on', async () => {
    const { tenantId = '' } = patchbay.emulator.tenants[0] ?? {}
    const microsoft = control(patchbay.emulator, tenantId)
    await microsoft.fault('throttle', { retryAfter: '60' })
    const ended = await patch(['sync', 'start', '1', '--full', '--wait', '--timeout', '1'])
    expect(ended).toMatchObject({ exit: 6 })
    await microsoft.clearFaults()
    await microsoft.close()
    expect(await json(['sync', 'show', '3'])).toMatchObject({ state: 'running' })
  })
})

describe('refusals', () => {
  it('what is no model is named', async () => {
    const ended = await patch(['resource', 'list', 'MSOLUser'])
    expect(ended).toMatchObject({ exit: 2, out: '' })
    expect(ended.err).toContain('device/msgraph/MSOLUser, unlike MSOLUser')
  })

  it('a token file that others may read', async () => {
    const open = join(folder, 'open-token')
    await writeFile(open, patchbay.token, { mode: 0o644 })
    const ended = await patch(['tenant', 'list', '--token-file', open])
    expect(ended).toMatchObject({ exit: 2 })
    expect(ended.err).toContain('chmod 600')
  })

  it('what is dangerous asks first, and without a keyboard needs --yes', async () => {
    const below = ['--parent', '1', '--kind', 'customer']
    const id = (await json<{ id: number }>(['node', 'create', ...below, 'Passing'])).id
    const asked = await patch(['node', 'delete', String(id)], 'y\n')
    expect(asked).toMatchObject({ exit: 2 })
    expect(asked.err).toContain('--yes')
    expect(await patch(['node', 'delete', String(id), '--yes'])).toMatchObject({ exit: 0 })
    expect(await patch(['node', 'show', String(id)])).toMatchObject({ exit: 4 })
  })

  it('a secret in an argument', async () => {
    const ended = await patch(['tenant', 'set', '1', '--field', 'teams.adminPassword=hunter2'])
    expect(ended).toMatchObject({ exit: 2, out: '' })
    expect(ended.err).not.toContain('hunter2')
  })

  it('names the fields at fault, and with --json is the problem itself', async () => {
    const args = ['node', 'create', 'a\u001bb', '--parent', '1', '--kind', 'site']
    const ended = await patch(args)
    expect(ended.err).toMatch(/^error: /)
    expect(ended.err).toContain('name')
    expect(ended.err).not.toContain('\u001b')
    const problem = JSON.parse((await patch([...args, '--json'])).err)
    expect(problem).toMatchObject({
      status: 400,
      code: 'bad-input',
      fields: [{ field: 'body.name' }],
    })
  })

  it('no secret in the process list or the log', () => {
    const secret = patchbay.emulator.tenants[0]?.clientSecret ?? ''
    expect(secret).not.toBe('')
    const log = JSON.stringify(patchbay.log)
    expect(log).toContain('/v1/tenants')
    expect(log).not.toContain(secret)
    expect(log).not.toContain(patchbay.token)
  })
})
