import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { figure } from '../figures/figure.ts'
import { listen, type Told } from './eventStream.ts'
import { differences } from './truth.ts'
import { slowDown, untilPages } from './work.ts'
import { openWorld, users, type World } from './world.ts'

const resources = `/v1/tenants/1/resources/${users}`

/** Each step of a new user's way builds on the one before. */
let world: World

beforeAll(async () => {
  world = await openWorld(60)
  await world.serve()
})
afterAll(() => world.close())

/** What the command answers; it has to end well, and say nothing where data does not belong. */
async function json(args: readonly string[]): Promise<ReturnType<typeof JSON.parse>> {
  const ended = await world.patchbay([...args, '--json'])
  expect(ended).toMatchObject({ exit: 0 })
  return JSON.parse(ended.out)
}

describe('a new user', () => {
  let name = ''
  let before: string | null = null

  it('finds the way in on the first start, for the owner alone', async () => {
    expect((await stat(world.tokenFile)).mode & 0o777).toBe(0o600)
    expect(await json(['whoami'])).toMatchObject({ name: 'Administrator', scope: '1.' })
  })

  it('makes a customer and attaches its tenant, the secret by file', async () => {
    const below = ['--parent', '1', '--kind', 'customer']
    const node = await json(['node', 'create', ...below, 'Contoso'])
    expect(node).toMatchObject({ parentId: 1, kind: 'customer', path: `1.${node.id}.` })
    const secretFile = join(world.dataDir, 'client-secret')
    await writeFile(secretFile, `${world.tenant.clientSecret}\n`, { mode: 0o600 })
    const tenant = await json([
      ...['tenant', 'add', '--node', `${node.id}`, '--name', 'Contoso', '--cloud', 'emulator'],
      ...['--tenant-id', world.tenant.tenantId, '--client-id', world.tenant.clientId],
      ...['--secret-file', secretFile],
    ])
    expect(tenant).toMatchObject({ nodeId: node.id, graph: { clientSecret: { set: true } } })
  })

  it('tests the connection, once that is confirmed', async () => {
    expect(await world.patchbay(['tenant', 'test', '1'])).toMatchObject({ exit: 2, out: '' })
    const ended = await world.patchbay(['tenant', 'test', '1', '--yes'])
    expect(ended).toMatchObject({ exit: 0, err: '' })
    expect(ended.out).toMatch(/^step +outcome +finding\n/)
    expect(ended.out).not.toMatch(/ failed /)
  })

  it('reads the tenant in; progress goes beside the data', async () => {
    const ended = await world.patchbay(['sync', 'start', '1', '--wait'])
    expect(ended).toMatchObject({ exit: 0 })
    expect(ended.out).toMatch(/device\/msgraph\/MSOLUser +done +60 /)
    expect(ended.err).toMatch(/^sync 1 /)
    for (const line of ended.err.trimEnd().split('\n')) expect(ended.out).not.toContain(line)
  })

  it('finds a person, as Microsoft has them', async () => {
    const page = await json(['resource', 'list', '1', users, '--limit', '3'])
    expect(page).toMatchObject({ items: [{}, {}, {}], count: 60, countIsExact: true })
    name = page.items[1].columns.userPrincipalName
    const shown = await json(['resource', 'show', '1', users, name])
    const truth = await personAtMicrosoft(name)
    expect(shown.data).toMatchObject({ id: truth?.id, displayName: truth?.displayName })
    before = shown.data.department
    expect(before).toBe(truth?.department ?? null)
  })

  it('sees what a change would do; nothing is written', async () => {
    await world.microsoft.clearCalls()
    const set = ['resource', 'set', '1', users, name, 'department=Night Watch']
    const plan = await json([...set, '--dry-run'])
    const differences = [{ property: 'department', before, after: 'Night Watch' }]
    expect(plan.steps).toMatchObject([{ call: expect.stringContaining('PATCH '), differences }])
    expect((await world.microsoft.calls()).length).toBeGreaterThan(0)
    expect(await world.microsoft.calls('&writes=true')).toEqual([])
    expect((await personAtMicrosoft(name))?.department ?? null).toBe(before)
  })

  it('changes it, and takes it back', async () => {
    const set = ['resource', 'set', '1', users, name, 'department=Night Watch', '--wait']
    expect(await json(set)).toMatchObject({ id: 1, state: 'succeeded' })
    expect(await personAtMicrosoft(name)).toMatchObject({ department: 'Night Watch' })
    const shown = await json(['resource', 'show', '1', users, name])
    expect(shown.data.department).toBe('Night Watch')

    expect(await json(['transaction', 'undo', '1', '--wait'])).toMatchObject({
      ...{ state: 'succeeded', undoes: 1 },
    })
    expect((await personAtMicrosoft(name))?.department ?? null).toBe(before)
    expect(await world.microsoft.calls('&writes=true')).toHaveLength(2)
  })
})

describe('what the command line says with --json', () => {
  it.each([
    [['node', 'list'], '/v1/nodes'],
    [['node', 'show', '2'], '/v1/nodes/2'],
    [['tenant', 'list'], '/v1/tenants'],
    [['tenant', 'show', '1'], '/v1/tenants/1'],
    [['sync', 'list', '--tenant', '1'], '/v1/syncs?tenantId=1'],
    [['sync', 'show', '1'], '/v1/syncs/1'],
    [['model', 'list'], '/v1/models'],
    [['model', 'show', users], `/v1/models/${users}`],
    [['resource', 'list', users, '--limit', '5'], `${resources}?limit=5`],
    [
      ['resource', 'list', '1', users, '--search', 'a', '--filter', 'accountEnabled=true'],
      `${resources}?search=a&filter=accountEnabled%3Dtrue`,
    ],
    [['transaction', 'list'], '/v1/transactions'],
    [['transaction', 'show', '2'], '/v1/transactions/2'],
    [['audit', 'list', '--limit', '7'], '/v1/audit?limit=7'],
  ])('%j is the answer of %s', async (args, path) => {
    const { status, body } = await world.ask('GET', path)
    expect(status).toBe(200)
    expect(await json(args)).toEqual(body)
  })

  it('of who one is leaves out what only pages need', async () => {
    const { csrfToken, ...me } = (await world.ask('GET', '/v1/me')).body
    expect(csrfToken).toBeNull()
    expect(await json(['whoami'])).toEqual(me)
  })

  it('is the problem itself where something is refused', async () => {
    const ended = await world.patchbay(['transaction', 'show', '99', '--json'])
    expect(ended).toMatchObject({ exit: 4, out: '' })
    const { body } = await world.ask('GET', '/v1/transactions/99')
    // It names the one request.
    const { instance: _, ...problem } = body
    expect(JSON.parse(ended.err)).toMatchObject(problem)
  })
})

describe('a sync', () => {
  it('tells its progress to a listener who is cut off again and again', async () => {
    await json(['tenant', 'set', '1', '--field', 'graph.userPageSize:=5'])
    await slowDown(world, 60)
    const { id } = await json(['sync', 'start', '1', '--full'])
    const heard: Told[] = []
    const over = (told: readonly Told[]) => told.some(({ kind }) => kind === 'sync.ended')
    let cuts = 0
    while (!over(heard)) {
      const last = heard.at(-1)?.id ?? '0-0'
      const enough = (told: readonly Told[]) => told.length >= 4 || over(told)
      heard.push(...(await listen(world, `sync:${id}`, last, enough)))
      cuts += 1
    }
    await slowDown(world, 0)
    expect(cuts).toBeGreaterThan(4)
    expect(heard).toEqual(await listen(world, `sync:${id}`, '0-0', over))
  })

  it('is cancelled behind the page it is at, and nothing is lost', async () => {
    await slowDown(world, 200)
    const { id } = await json(['sync', 'start', '1', '--full'])
    await untilPages(world, id, 2)
    await json(['sync', 'cancel', `${id}`])
    const ended = await world.patchbay(['sync', 'show', `${id}`, '--wait'])
    expect(ended).toMatchObject({ exit: 1 })
    expect(ended.out).toMatch(/state +cancelled/)
    expect(await world.patchbay(['sync', 'cancel', `${id}`])).toMatchObject({ exit: 1, out: '' })
    await slowDown(world, 0)
    expect(await world.patchbay(['sync', 'start', '--wait'])).toMatchObject({ exit: 0 })
    expect(await differences(world)).toEqual([])
  })

  it('holds removals in bulk until a person says yes, and then looks again', async () => {
    const gone = await world.microsoft.mutate('delete-users', { users: 12 })
    const held = await world.patchbay(['sync', 'start', '1', '--wait', '--json'])
    expect(held).toMatchObject({ exit: 5 })
    const { id, state } = JSON.parse(held.out)
    expect(state).toBe('awaiting-approval')
    const removals = await json(['sync', 'removals', `${id}`, '--state', 'held'])
    expect(removals.items.map(({ key }: { key: string }) => key).sort()).toEqual(gone.sort())
    expect((await json(['resource', 'list', users])).count).toBe(60)

    await world.microsoft.mutate('restore', { ids: gone.slice(0, 1) })
    expect(await json(['sync', 'approve', `${id}`, '--wait'])).toMatchObject({ state: 'succeeded' })
    expect((await json(['resource', 'list', users])).count).toBe(49)
    expect(await world.patchbay(['sync', 'start', '1', '--wait'])).toMatchObject({ exit: 0 })
    expect(await differences(world)).toEqual([])
  })
})

describe('credentials', () => {
  it('that Microsoft refuses are said by test and dry run, with what to do', async () => {
    const wrong = join(world.dataDir, 'wrong-secret')
    await writeFile(wrong, 'not-the-secret', { mode: 0o600 })
    await json(['tenant', 'set', '1', '--secret-file', wrong])
    const tested = await world.patchbay(['tenant', 'test', '1', '--yes'])
    expect(tested).toMatchObject({ exit: 1 })
    expect(tested.out).toMatch(/what to do\n/)
    const set = ['resource', 'set', '1', users, 'nobody', 'department=x', '--dry-run']
    expect(await world.patchbay(set)).toMatchObject({ exit: 4 })
    const page = await json(['resource', 'list', '1', users, '--limit', '1'])
    set[4] = page.items[0].key
    const planned = await world.patchbay(set)
    expect(planned).toMatchObject({ exit: 1 })
    expect(planned.out).toMatch(/it would fail: .*AADSTS7000215/)
  })

  it('may be a certificate instead of a secret', async () => {
    const made = await json(['certificate', 'create', '--node', '2', '--name', 'Sign-in'])
    const { out: pem } = await world.patchbay(['certificate', 'export', `${made.id}`])
    expect(pem).toMatch(/^-----BEGIN CERTIFICATE-----/)
    expect(pem).not.toMatch(/PRIVATE/)
    const { tenantId } = world.tenant
    await world.microsoft.ask('POST', `tenants/${tenantId}/certificates`, { pem })

    const certificate = ['--certificate', `${made.id}`, '--field', 'graph.clientSecret=']
    const tenant = await json(['tenant', 'set', '1', ...certificate])
    expect(tenant.graph).toMatchObject({ certificateId: made.id, clientSecret: { set: false } })
    expect(await world.patchbay(['tenant', 'test', '1', '--yes'])).toMatchObject({ exit: 0 })
    expect(await world.patchbay(['sync', 'start', '1', '--wait'])).toMatchObject({ exit: 0 })
    expect(await json(['certificate', 'show', `${made.id}`])).toEqual(
      (await world.ask('GET', `/v1/certificates/${made.id}`)).body,
    )
    // A certificate somebody signs in with stays.
    const removed = await world.patchbay(['certificate', 'delete', `${made.id}`, '--yes'])
    expect(removed).toMatchObject({ exit: 1 })
  })
})

it('I1: all that Microsoft was sent to write is on record, and nothing else', async () => {
  const { sent, unrecorded, unsent, late } = await world.writesOnRecord()
  figure('writes sent and not on record', unrecorded.length, '= 0')
  figure('writes on record only after they were sent', late.length, '= 0')
  figure('writes on record and not sent', unsent.length, '= 0')
  figure('writes sent', sent, '>= 2')
})

async function personAtMicrosoft(userPrincipalName: string) {
  const { users: people } = await world.microsoft.snapshot()
  return people.find((person) => person.userPrincipalName === userPrincipalName)
}
