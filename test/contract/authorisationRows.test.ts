import type { ChildProcess } from 'node:child_process'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startServerProcess, stopProcess } from '../../src/main/children.ts'
import { type Caller, isHidden, leaksIn, openCallers } from './actors.ts'
import { askings, nowhere, untargeted } from './askings.ts'
import { validRequest } from './attempts.ts'
import { routeOf } from './fields.ts'
import { type Answered, openSender } from './sender.ts'
import { type ContractWorld, type Furnished, openContractWorld, place } from './world.ts'

/** A server whose own checks are lifted (authorisationLift.ts): row-level security stands alone. */
let world: ContractWorld
let lifted: { child: ChildProcess; url?: string | undefined }
/** All of D1 from whom something is hidden. */
let callers: Caller[]
let targets: Record<string, Furnished>

beforeAll(async () => {
  world = await openContractWorld()
  const { own, child, parent, sibling, other, patchbay } = world
  targets = { own, child, parent, sibling, other }
  const { dataDir, databaseUrl } = patchbay
  const lift = new URL('authorisationLift.ts', import.meta.url)
  const env = { DATABASE_URL: databaseUrl.reveal(), NODE_OPTIONS: `--import ${lift.href}` }
  lifted = await startServerProcess(dataDir, ['--role', 'api'], { ...process.env, ...env })
  const whole = await openCallers(world)
  callers = whole
    .filter((caller) => Object.values(targets).some((target) => isHidden(caller, target)))
    .map((caller) => ({ ...caller, sender: openSender(lifted.url ?? '', caller.token) }))
  await Promise.all(whole.map(({ sender }) => sender.close()))
  // A world with five tenants, and a server of its own.
}, 120_000)
afterAll(async () => {
  await Promise.all(callers.map(({ sender }) => sender.close()))
  await stopProcess(lifted.child)
  await world.close()
})

/**
 * Tokens are found before any scope is known, so no policy hides them: theirs is the one lock. The
 * list of an ancestor's egress is told by design, without its name.
 */
const withoutSecondLock = ['token.create', 'token.create (node)', 'token.revoke']

it('the checks are lifted: who may only read writes within their scope', async () => {
  const [reader] = callers.filter(({ name }) => name === 'cus-read')
  const { own, child } = world
  const body = JSON.stringify({ name: `${child.name} and more` })
  const rename = async ({ nodeId }: Furnished) =>
    (await reader?.sender.send({ method: 'PATCH', path: `/v1/nodes/${nodeId}`, body }))?.status
  expect(await rename(own)).not.toBe(403)
  expect(await rename(child)).toBe(200)
})

it('H3: row-level security alone answers about another customer as about what is not there', async () => {
  const differing: string[] = []
  let asked = 0
  for (const [what, asking] of Object.entries(askings(world))) {
    if (withoutSecondLock.includes(what)) continue
    const route = routeOf(what)
    const askAll = async (caller: Caller) => {
      const absent = await caller.sender.send(validRequest(route, asking(nowhere)))
      for (const [target, furnished] of Object.entries(targets)) {
        if (!isHidden(caller, furnished)) continue
        const answer = await caller.sender.send(validRequest(route, asking(furnished)))
        asked += 1
        if (shape(answer) !== shape(absent)) {
          differing.push(`${what} ${target} ${caller.name}: ${answer.status} ${answer.text}`)
        }
      }
    }
    await Promise.all(callers.map(askAll))
  }
  expect(differing).toEqual([])
  expect(callers).toHaveLength(8)
  expect(asked).toBeGreaterThan(2_000)
}, 120_000)

it('H3: and what is asked of no target tells nothing of another customer', async () => {
  const lists = untargeted.map(routeOf).filter(({ method }) => method === 'GET')
  const found = callers.map(async (caller) => {
    const answers: string[] = []
    for (const route of lists) {
      const { text } = await caller.sender.send(validRequest(route, { path: place }))
      answers.push(text)
    }
    return leaksIn(caller, targets, answers.join('\n'))
  })
  expect((await Promise.all(found)).flat()).toEqual([])
})

/** Not the headers: a change of the provider's own may be answered with where it is shown. */
function shape({ status, text }: Answered): string {
  return JSON.stringify([status, text.replace(/urn:uuid:[0-9a-f-]+/, '')])
}
