import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestPatchbay, type TestPatchbay } from '../server/patchbay.ts'
import { type Ended, run } from './command.ts'

let patchbay: TestPatchbay

beforeAll(async () => {
  patchbay = await startTestPatchbay({ role: 'api' })
  await patch(['node', 'create', '--parent', '1', '--kind', 'customer', 'Contoso'])
})
afterAll(() => patchbay.close())

function patch(args: readonly string[]): Promise<Ended> {
  const env = { PATCHBAY_SERVER: patchbay.url, PATCHBAY_TOKEN_FILE: patchbay.tokenFile }
  return run(args, { env })
}

async function idOf(args: readonly string[]): Promise<string> {
  const { out, err } = await patch([...args, '--json'])
  if (out === '') throw new Error(err)
  // With a person comes an invitation, as a second object.
  return /"id": (\d+)/.exec(out)?.[1] ?? ''
}

it('makes a profile and a role of it, gives the role and takes it away', async () => {
  const allow = ['--allow', 'device/msgraph/*=read,Bulk Update', '--allow', 'data/Audit=none']
  const profile = await idOf(['profile', 'create', 'Desk', ...allow])
  expect((await patch(['profile', 'show', profile])).out).toMatch(
    /device\/msgraph\/\* +Read, Bulk Update\ndata\/Audit +none/,
  )
  const role = await idOf(['role', 'create', 'Desk', '--profile', profile, '--kind', 'customer'])
  expect((await patch(['role', 'list'])).out).toMatch(/Desk +customer +Desk +own/)
  const person = await idOf(['person', 'create', 'ada', '--name', 'Ada', '--node', '2'])
  const grant = await idOf(['role', 'grant', role, '--person', person, '--node', '2'])
  expect((await patch(['role', 'granted', '--person', person])).out).toMatch(/Ada +Desk +2/)
  expect((await patch(['role', 'delete', role, '--yes'])).err).toMatch(/is given 1 times/)
  expect((await patch(['role', 'revoke', grant])).exit).toBe(0)
  expect((await patch(['role', 'delete', role, '--yes'])).exit).toBe(0)
  expect((await patch(['profile', 'update', profile, '--allow', 'data/Job=all'])).exit).toBe(0)
  expect((await patch(['profile', 'delete', profile, '--yes'])).exit).toBe(0)
})

it('says what is wrong with a permission before it asks', async () => {
  const { exit, err } = await patch(['profile', 'create', 'X', '--allow', 'data/Job=Look'])
  expect([exit, err]).toEqual([2, expect.stringMatching(/knows no operation Look/)])
})

it('tells with a model what may be done with it, and why not the rest', async () => {
  const { out } = await patch(['model', 'show', 'device/msgraph/MsolAccountSku'])
  expect(out).toMatch(/you may +Read, Export/)
  expect(out).toMatch(/Update +A .* is only read here/)
})
