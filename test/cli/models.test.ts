import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestPatchbay, type TestPatchbay } from '../server/patchbay.ts'
import { run } from './command.ts'

let patchbay: TestPatchbay
const groups = 'device/msgraph/Groups'

beforeAll(async () => {
  patchbay = await startTestPatchbay({ role: 'api' })
})
afterAll(() => patchbay.close())

function patch(args: readonly string[], input?: string) {
  const env = { PATCHBAY_SERVER: patchbay.url, PATCHBAY_TOKEN_FILE: patchbay.tokenFile }
  return run(args, { env, ...(input !== undefined && { input }) })
}

it('a model is edited, uploaded, compared, activated and rolled back', async () => {
  const shipped = await patch(['model', 'text', groups, '1'])
  expect(shipped.out).toContain(`model: ${groups}\n`)
  const text = shipped.out.replace('title: Group', 'title: Team of people')

  const uploaded = await patch(['model', 'upload', '-', '--json'], text)
  expect(JSON.parse(uploaded.out)).toMatchObject({ number: 2, origin: 'uploaded', inForce: false })
  const diff = await patch(['model', 'diff', groups, '2'])
  expect(diff.out).toMatch(/^title +Group +Team of people$/m)
  expect(diff.out).toMatch(/The next sync of every tenant reads the full list/)

  expect(await patch(['model', 'activate', groups, '2'])).toMatchObject({ exit: 0 })
  expect((await patch(['model', 'show', groups])).out).toMatch(/^title +Team of people$/m)
  const versions = await patch(['model', 'versions', groups])
  expect(versions.out).toMatch(/^ *2 +yes +uploaded[\s\S]*^ *1 +no +shipped/m)

  expect(await patch(['model', 'rollback', groups])).toMatchObject({ exit: 0 })
  expect((await patch(['model', 'show', groups])).out).toMatch(/^title +Group$/m)
  expect(await patch(['model', 'rollback', groups])).toMatchObject({ exit: 1 })
})

it('a broken file is refused with line and remedy', async () => {
  const { out } = await patch(['model', 'text', groups, '1'])
  const ended = await patch(['model', 'upload', '-'], out.replace('key: id', 'key: uid'))
  expect(ended).toMatchObject({ exit: 2, out: '' })
  expect(ended.err).toMatch(/line \d+: key: uid is not among its properties/)
})
