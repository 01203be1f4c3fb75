import type { ChildProcess } from 'node:child_process'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { within } from '../../src/core/hierarchy.ts'
import { startServerProcess, stopProcess } from '../../src/main/children.ts'
import { type Caller, openCallers } from './actors.ts'
import { askings, nowhere } from './askings.ts'
import { validRequest } from './attempts.ts'
import { routes } from './fields.ts'
import { type Answered, openSender } from './sender.ts'
import { type ContractWorld, type Furnished, openContractWorld } from './world.ts'

/** A server whose own checks are lifted (authorisationLift.ts): row-level security stands alone. */
let world: ContractWorld
let lifted: { child: ChildProcess; url?: string | undefined }
let callers: Caller[]

beforeAll(async () => {
  world = await openContractWorld()
  const { dataDir, databaseUrl } = world.patchbay
  const lift = new URL('authorisationLift.ts', import.meta.url)
  const env = { DATABASE_URL: databaseUrl.reveal(), NODE_OPTIONS: `--import ${lift.href}` }
  lifted = await startServerProcess(dataDir, ['--role', 'api'], { ...process.env, ...env })
  const whole = await openCallers(world)
  callers = whole
    .filter(({ name }) => ['customer', 'sibling', 'site', 'cus-read'].includes(name))
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
  const { nodeId, name } = world.own
  const body = JSON.stringify({ name: `${name} and more` })
  const answer = await reader?.sender.send({ method: 'PATCH', path: `/v1/nodes/${nodeId}`, body })
  expect(answer?.status).not.toBe(403)
  const rename = { method: 'PATCH', path: `/v1/nodes/${world.child.nodeId}`, body }
  expect((await reader?.sender.send(rename))?.status).toBe(200)
})

it('H3: row-level security alone answers about another customer as about what is not there', async () => {
  const { own, child, parent, sibling, other } = world
  const targets: Record<string, Furnished> = { own, child, parent, sibling, other }
  const differing: string[] = []
  let asked = 0
  for (const [what, asking] of Object.entries(askings(world))) {
    if (withoutSecondLock.includes(what)) continue
    const route = routes.find(({ name }) => name === what.split(' ')[0])
    if (route === undefined) throw new Error(`there is no route ${what}`)
    for (const caller of callers) {
      const absent = await caller.sender.send(validRequest(route, asking(nowhere)))
      for (const [target, furnished] of Object.entries(targets)) {
        if (within(furnished.path, caller.scope ?? '')) continue
        const answer = await caller.sender.send(validRequest(route, asking(furnished)))
        asked += 1
        if (shape(answer) !== shape(absent)) {
          differing.push(`${what} ${target} ${caller.name}: ${answer.status} ${answer.text}`)
        }
      }
    }
  }
  expect(differing).toEqual([])
  expect(asked).toBeGreaterThan(1_000)
}, 120_000)

/** Not the headers: a change of the provider's own may be answered with where it is shown. */
function shape({ status, text }: Answered): string {
  return JSON.stringify([status, text.replace(/urn:uuid:[0-9a-f-]+/, '')])
}
