import { expect, it } from 'vitest'
import type { Cli, Terminal } from '../../src/cli/cli.ts'
import { confirmed } from '../../src/cli/confirm.ts'
import { follow } from '../../src/cli/follow.ts'
import { AppError } from '../../src/core/errors.ts'
import { systemClock } from '../store/testing.ts'

/** A person at a keyboard who gives this answer, and what they see. */
function person(answer: string, screen = true): Cli & { seen: string[] } {
  const seen: string[] = []
  const terminal: Terminal = {
    out: () => undefined,
    err: (text) => void seen.push(text),
    errIsScreen: screen,
    outIsScreen: screen,
    outAll: async () => {},
    inIsKeyboard: true,
    columns: 40,
    ask: async (question) => {
      seen.push(question)
      return answer
    },
    read: () => Promise.reject(new Error('nothing to read')),
  }
  const connection = () => Promise.reject(new Error('nowhere to connect to'))
  const outcome = { exit: 0 }
  const signIn = {
    ...{ server: connection, byBrowser: connection, kept: connection },
    ...{ keep: connection, forget: connection },
  }
  return { terminal, connection, signIn, clock: systemClock, newKey: () => 'key', outcome, seen }
}

const needed = () =>
  Promise.reject(new AppError('confirmation-required', 'This removes\u001b[31m everything.'))

it.each([
  ['y', true],
  ['YES ', true],
  ['', false],
  ['n', false],
  ['yellow', false],
])('%j at the question', async (answer, done) => {
  const cli = person(answer)
  let did = false
  const outcome = await confirmed(cli, false, needed, async () => {
    did = true
    return 'done'
  }).catch((error: AppError) => error.code)
  expect(outcome).toBe(done ? 'done' : 'cancelled')
  expect(did).toBe(done)
  expect(cli.seen.join('')).toContain('This removes\\x1b[31m everything.')
})

it('--yes asks nothing, and what needs no confirmation is done at once', async () => {
  const cli = person('n')
  expect(await confirmed(cli, true, needed, async () => 1)).toBe(1)
  expect(await confirmed(cli, false, async () => 2, needed)).toBe(2)
  const missing = () => Promise.reject(new AppError('not-found', 'Not there.'))
  await expect(confirmed(cli, false, missing, async () => 3)).rejects.toThrow('Not there.')
  expect(cli.seen).toEqual([])
})

async function* ticks(count: number) {
  for (let id = 1; id <= count; id += 1) yield { id: String(id), event: 'x', data: null }
  await new Promise(() => undefined)
}

it('progress is one changing line on a screen, cut to its width', async () => {
  const cli = person('')
  let step = 0
  const value = await follow(cli, {
    name: 'it',
    events: () => ticks(3),
    read: async () => {
      step += 1
      return step
    },
    ended: (at) => at === 2,
    line: (at) => `step ${at} ${'.'.repeat(100)}`,
  })
  expect(value).toBe(2)
  const [first = '', second = '', end] = cli.seen
  expect([first.slice(0, 10), second.slice(0, 10), end]).toEqual([
    '\r\u001b[Kstep 1',
    '\r\u001b[Kstep 2',
    '\n',
  ])
  expect(first.length - '\r\u001b[K'.length).toBeLessThan(40)
})

it('a stream that fails ends the waiting', async () => {
  const failing = {
    name: 'it',
    // biome-ignore lint/correctness/useYield: a source that fails before its first event
    events: async function* () {
      throw new AppError('not-permitted', 'You may not follow this.')
    },
    read: async () => 1,
    ended: () => false,
    line: String,
  }
  await expect(follow(person('', false), failing)).rejects.toThrow('You may not follow this.')
})

/** A clock on which waiting takes no time. */
function skipping(cli: Cli): Cli {
  let at = 0
  const now = () => at
  const sleep = async (ms: number) => {
    at += ms
    await systemClock.sleep(0)
  }
  return { ...cli, clock: { now, sleep } }
}

/** Work whose server is away for so many looks. */
function behindOutage(looks: number, code: 'unavailable' | 'not-found' = 'unavailable') {
  let away = looks
  return {
    name: 'it',
    events: () => ticks(1),
    read: async () => {
      away -= 1
      if (away >= 0) throw new AppError(code, 'The database cannot be reached.')
      return 'ended'
    },
    ended: () => true,
    line: String,
  }
}

// Fails when the first refusal ends the waiting, or an outage without end does not.
it('a server that is away for a while is waited for, not for ever', async () => {
  const cli = skipping(person('', false))
  expect(await follow(cli, behindOutage(20))).toBe('ended')
  const ever = follow(cli, behindOutage(Number.POSITIVE_INFINITY))
  await expect(ever).rejects.toMatchObject({ code: 'unavailable' })
  await expect(follow(cli, behindOutage(1, 'not-found'))).rejects.toMatchObject({
    code: 'not-found',
  })
})
