import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openWorld, users, type World } from './world.ts'

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
    expect(await json(['session', 'show'])).toMatchObject({ name: 'Administrator', scope: '1.' })
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

  it('tests the connection', async () => {
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
    expect(plan.objects).toMatchObject([{ call: expect.stringContaining('PATCH '), differences }])
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

async function personAtMicrosoft(userPrincipalName: string) {
  const { users: people } = await world.microsoft.snapshot()
  return people.find((person) => person.userPrincipalName === userPrincipalName)
}
