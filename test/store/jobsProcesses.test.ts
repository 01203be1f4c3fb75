import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { addRun, notesOf, stateOf, until } from './jobsWorld.ts'
import { type FreshDatabase, freshDatabase, systemClock } from './testing.ts'

let fresh: FreshDatabase
const children: ChildProcess[] = []

beforeAll(async () => {
  fresh = await freshDatabase()
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})
afterAll(() => fresh.close())

async function startWorker(workerId: string, ...numbers: number[]): Promise<ChildProcess> {
  const script = new URL('jobsChild.ts', import.meta.url).pathname
  const options = [fresh.url.reveal(), workerId, ...numbers.map(String)]
  const child = spawn(process.execPath, [script, ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const [output] = await once(child.stdout, 'data')
  // Nothing but our own word: the engine prints neither banner nor warning.
  expect(String(output)).toBe('ready\n')
  return child
}

function stepsOf(notes: string[]): number[] {
  return notes.map((text) => Number(text.split(':')[1]))
}

const everyStep = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

test('a worker killed in the middle of 50 steps: another finishes, each step recorded once', async () => {
  const [first, second] = await Promise.all([
    startWorker('w1', 50, 60, 500, 3_000),
    startWorker('w2', 50, 60, 500, 3_000),
  ])
  const id = await addRun(fresh.db, 1)
  await until('half of the steps', 10_000, async () => (await notesOf(fresh.db, id)).length > 20)
  const worker = (await notesOf(fresh.db, id))[0]?.split(':')[0]
  const [killed, survivor] = worker === 'w1' ? [first, second] : [second, first]
  killed.kill('SIGKILL')
  const tookMs = await until(
    'the end',
    20_000,
    async () => (await stateOf(fresh.db, 'sync', id)) === 'succeeded',
  )
  const notes = await notesOf(fresh.db, id)
  expect(stepsOf(notes)).toEqual(everyStep(50))
  expect(new Set(notes.map((text) => text.split(':')[0])).size).toBe(2)
  expect(tookMs).toBeLessThan(20_000)
  survivor.kill('SIGTERM')
  await once(survivor, 'exit')
  const { rows } = await fresh.db.pool.query('select id from worker')
  expect(rows).toEqual([])
}, 60_000)

test('a worker stopped and woken again writes nothing that is not its own, and works on', async () => {
  const workers = new Map([
    ['s1', await startWorker('s1', 40, 50, 200, 1_500)],
    ['s2', await startWorker('s2', 40, 50, 200, 1_500)],
  ])
  const id = await addRun(fresh.db, 2)
  await until('some steps', 10_000, async () => (await notesOf(fresh.db, id)).length > 10)
  const name = (await notesOf(fresh.db, id))[0]?.split(':')[0] ?? ''
  const stopped = workers.get(name)
  stopped?.kill('SIGSTOP')
  await until('work of the other', 15_000, async () =>
    (await notesOf(fresh.db, id)).some((text) => !text.startsWith(name)),
  )
  stopped?.kill('SIGCONT')
  await until('the end', 20_000, async () => (await stateOf(fresh.db, 'sync', id)) === 'succeeded')
  await systemClock.sleep(1_000)
  const notes = await notesOf(fresh.db, id)
  expect(stepsOf(notes)).toEqual(everyStep(40))
  const epochs = notes.map((text) => Number(text.split(':')[2]))
  expect(epochs).toEqual([...epochs].sort((a, b) => a - b))

  const other = [...workers.keys()].find((key) => key !== name) ?? ''
  workers.get(other)?.kill('SIGKILL')
  const next = await addRun(fresh.db, 3)
  await until(
    'work of the woken one',
    15_000,
    async () => (await stateOf(fresh.db, 'sync', next)) === 'succeeded',
  )
  expect((await notesOf(fresh.db, next)).at(-1)?.split(':')[0]).toBe(name)
}, 60_000)

const deadMs = 30_000

test('a worker that is asked to end leaves its job to another at once', async () => {
  // Far longer than what is left to do: who waited for the death of the first would be seen.
  const first = await startWorker('t1', 60, 50, 1_000, deadMs)
  const id = await addRun(fresh.db, 4)
  await until('some steps', 10_000, async () => (await notesOf(fresh.db, id)).length > 5)
  const second = await startWorker('t2', 60, 50, 1_000, deadMs)
  first.kill('SIGTERM')
  const begun = Date.now()
  await once(first, 'exit')
  expect(Date.now() - begun).toBeLessThan(5_000)
  const tookMs = await until(
    'the end',
    deadMs,
    async () => (await stateOf(fresh.db, 'sync', id)) === 'succeeded',
  )
  // Handed on, not waited for until the worker counts as dead.
  expect(tookMs).toBeLessThan(deadMs / 2)
  expect(stepsOf(await notesOf(fresh.db, id))).toEqual(everyStep(60))
  second.kill('SIGTERM')
  await once(second, 'exit')
}, 60_000)
