import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { control } from '../engine/control.ts'
import { startTestPatchbay, type TestPatchbay } from '../server/patchbay.ts'
import { run } from './command.ts'

let patchbay: TestPatchbay
let folder: string
let microsoft: ReturnType<typeof control>
let upn = ''
let deletion = 0

beforeAll(async () => {
  patchbay = await startTestPatchbay()
  folder = await mkdtemp(join(tmpdir(), 'patchbay-test-users-'))
  const [tenant] = patchbay.emulator.tenants
  if (tenant === undefined) throw new Error('no tenant')
  microsoft = control(patchbay.emulator, tenant.tenantId)
  upn = `nora@${tenant.domain}`
  const secretFile = join(folder, 'secret')
  await writeFile(secretFile, tenant.clientSecret, { mode: 0o600 })
  await patch(['node', 'create', '--parent', '1', '--kind', 'customer', 'Contoso'])
  const ids = ['--tenant-id', tenant.tenantId, '--client-id', tenant.clientId]
  await patch([
    ...['tenant', 'add', '--node', '2', '--name', 'Contoso', '--cloud', 'emulator', ...ids],
    ...['--secret-file', secretFile],
  ])
  await patch(['sync', 'start', '1', '--wait'])
}, 60_000)
afterAll(async () => {
  await microsoft.close()
  await patchbay.close()
  await rm(folder, { recursive: true })
})

function patch(args: readonly string[]) {
  const env = { PATCHBAY_SERVER: patchbay.url, PATCHBAY_TOKEN_FILE: patchbay.tokenFile }
  return run(args, { env })
}

const nora = async () =>
  (await microsoft.snapshot()).users.find(({ userPrincipalName }) => userPrincipalName === upn)

async function groupName(): Promise<{ id: string; name: string }> {
  const { groups } = await microsoft.snapshot()
  const plain = groups.find(
    ({ mailEnabled, groupTypes }) => !mailEnabled && JSON.stringify(groupTypes) === '[]',
  )
  return { id: String(plain?.id), name: String(plain?.displayName) }
}

it('makes a user, with a password shown once, after a dry run that makes none', async () => {
  const create = ['user', 'create', upn, 'department=Sales', '--name', 'Nora North']
  const all = [...create, '--usage-location', 'DE', '--licence', 'FLOW_FREE']
  const plan = await patch([...all, '--dry-run'])
  expect(plan.out).toMatch(/POST \/users\n[\s\S]*department: \(empty\) -> Sales/)
  expect(await nora()).toBeUndefined()
  const done = await patch([...all, '--wait', '--json'])
  expect(done.exit).toBe(0)
  const answer = JSON.parse(done.out)
  expect(answer).toMatchObject({ state: 'succeeded', passwords: [{ seq: 1 }] })
  expect(await nora()).toMatchObject({ displayName: 'Nora North', department: 'Sales' })
  const { out } = await patch(['transaction', 'show', String(answer.id)])
  expect(out).not.toContain(answer.passwords[0].password)
})

it('disables and enables', async () => {
  await patch(['user', 'disable', upn, '--wait'])
  expect(await nora()).toMatchObject({ accountEnabled: false })
  await patch(['user', 'enable', upn, '--wait'])
  expect(await nora()).toMatchObject({ accountEnabled: true })
})

it('gives and takes licences', async () => {
  const remove = await patch(['user', 'licence', 'remove', upn, 'FLOW_FREE', '--wait'])
  expect(remove.out).toMatch(/licence FLOW_FREE: assigned -> \(empty\)/)
  expect(await nora()).toMatchObject({ assignedLicenses: [] })
  const missing = await patch(['user', 'licence', 'add', upn, 'MCOEV', '--dry-run'])
  expect(missing.exit).toBe(1)
  expect(missing.out).toMatch(/it would fail: MCOEV .* works only beside/)
})

it('puts into groups and takes out again', async () => {
  const { id, name } = await groupName()
  expect(await patch(['group', 'member', 'add', name, upn, '--wait'])).toMatchObject({ exit: 0 })
  const edge = `member ${id} ${(await nora())?.id}`
  expect((await microsoft.snapshot()).links).toContain(edge)
  await patch(['group', 'member', 'remove', name, upn, '--wait'])
  expect((await microsoft.snapshot()).links).not.toContain(edge)
})

it('resets a password only when told to', async () => {
  const refused = await patch(['user', 'reset-password', upn])
  expect(refused).toMatchObject({ exit: 2, out: '' })
  expect(refused.err).toMatch(/cannot be put back[\s\S]*--yes/)
  const done = await patch(['user', 'reset-password', upn, '--yes', '--wait'])
  expect(done.out).toMatch(/passwords, shown this once\n1\. \S{24}\n/)
})

it('deletes when told to, and brings back', async () => {
  expect(await patch(['user', 'delete', upn])).toMatchObject({ exit: 2 })
  const done = await patch(['user', 'delete', upn, '--yes', '--wait', '--json'])
  deletion = JSON.parse(done.out).id
  expect(await nora()).toBeUndefined()
  expect(await patch(['user', 'restore', upn, '--wait'])).toMatchObject({ exit: 0 })
  expect(await nora()).toMatchObject({ displayName: 'Nora North' })
})

it('deletes once more only when told to again', async () => {
  const replay = ['transaction', 'replay', `${deletion}`]
  const refused = await patch([...replay, '--wait'])
  expect(refused).toMatchObject({ exit: 2, out: '' })
  expect(refused.err).toMatch(
    /user of step 1 \(Delete Nora North\) is deleted[\s\S]*30 days.*--yes/,
  )
  expect(await nora()).toBeDefined()
  expect(await patch([...replay, '--yes', '--wait'])).toMatchObject({ exit: 0 })
  expect(await nora()).toBeUndefined()
  // What deletes nothing is asked for again without a question.
  const { out } = await patch(['user', 'restore', upn, '--wait', '--json'])
  const restored = ['transaction', 'replay', `${JSON.parse(out).id}`, '--wait']
  expect((await patch(restored)).err).not.toContain('--yes')
})
