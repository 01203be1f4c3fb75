import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { run } from '../cli/command.ts'

const people = 20
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-journey-demo-'))
  // Root's PostgreSQL runs as nobody, who has to pass through.
  await chmod(folder, 0o711)
})
afterAll(() => rm(folder, { recursive: true }))

function demo(more: readonly string[] = []) {
  return run(['demo', '--once', '--users', `${people}`, '--data', folder, ...more])
}

/** Linux alone tells; where nothing is told there is nothing to see. */
async function processesBehind(): Promise<string[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))
  const read = (pid: string) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return (await Promise.all(pids.map(read))).filter((command) => command.includes(folder))
}

it('the demo shows what the README says, to its end, and leaves nothing behind', async () => {
  const { out, ...ended } = await demo()
  expect(ended).toMatchObject({ exit: 0 })
  const parts = out.split(/^== /m)
  const shown = (title: string) => parts.find((part) => part.startsWith(title)) ?? ''
  expect(shown('tests the connection')).toContain('Test Connection of tenant 1: passed')
  const synced = shown('syncs everything')
  expect(synced).toMatch(/^state +succeeded$/m)
  expect(synced).toMatch(new RegExp(`^device/msgraph/MSOLUser +done +${people} `, 'm'))
  expect(synced).toMatch(/^device\/msgraph\/Groups +done +[1-9]/m)
  expect(synced).toMatch(/^device\/msgraph\/MsolAccountSku +done +[1-9]/m)
  const [, former] = /department: (.*) -> Night Shift/.exec(shown('changes a department')) ?? []
  expect(shown('changes a department')).toMatch(/--dry-run\n.*\n +PATCH \/users\//)
  expect(shown('changes a department')).toMatch(/At Microsoft, .* now is Night Shift\./)
  expect(former).not.toBe('Night Shift')
  expect(shown('and undoes it')).toContain(`department: Night Shift -> ${former}\n`)
  expect(shown('and undoes it')).toContain(`At Microsoft, it is ${former} again.`)
  expect(shown('Summary')).toMatch(/Started in \d+\.\d s, walked through in \d+\.\d s\./)
  expect(await processesBehind()).toEqual([])
}, 90_000)

it('a second one takes its place, and with --json prints nothing but the summary', async () => {
  const { out, err, exit } = await demo(['--json'])
  expect({ exit, err }).toMatchObject({ exit: 0 })
  const { models, transactions, ...summary } = JSON.parse(out)
  expect(models).toContainEqual({
    ...{ model: 'device/msgraph/MSOLUser', added: people, requests: expect.any(Number) },
  })
  const succeeded = { title: expect.any(String), state: 'succeeded' }
  expect(transactions).toEqual([succeeded, succeeded])
  expect(summary).toEqual({
    ...{ auditEntries: expect.any(Number) },
    ...{ startSeconds: expect.any(Number), walkSeconds: expect.any(Number) },
  })
  expect(err).toMatch(/== tests the connection[\s\S]*tenant 1: passed[\s\S]*== Summary/)
  expect(await processesBehind()).toEqual([])
}, 90_000)
