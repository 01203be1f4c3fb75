import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Route } from '../../src/contract/route.ts'
import { within } from '../../src/core/hierarchy.ts'
import { type Caller, eventsOf, openCallers } from './actors.ts'
import { askings, nowhere, untargeted } from './askings.ts'
import { validRequest } from './attempts.ts'
import { routes } from './fields.ts'
import { type Answered, faultsOf } from './sender.ts'
import { makeFingerprint } from './served.ts'
import { type ContractWorld, type Furnished, openContractWorld, place } from './world.ts'

interface Cell {
  what: string
  target: string
  caller: Caller
  answer: Answered
}

let world: ContractWorld
let callers: Caller[]
let targets: Record<string, Furnished>
let cells: Cell[]
let changed: string[]

beforeAll(async () => {
  world = await openContractWorld()
  callers = await openCallers(world)
  const { own, child, parent, sibling } = world
  targets = { own, child, parent, sibling, nowhere }
  await askEverything()
})
afterAll(async () => {
  await Promise.all(callers.map(({ sender }) => sender.close()))
  await world.close()
})

/** Every route of every caller about every target; what was refused must have changed nothing. */
async function askEverything(): Promise<void> {
  const fingerprint = await makeFingerprint(world.database)
  cells = []
  changed = []
  const ask = async (what: string, target: string, sent: ReturnType<typeof validRequest>) => {
    for (const caller of callers) {
      const before = await fingerprint()
      const answer = await caller.sender.send(sent)
      cells.push({ what, target, caller, answer })
      const refused = answer.status >= 400 || sent.method === 'GET'
      // An export goes on record.
      if (!refused || what.includes('export')) continue
      if ((await fingerprint()) !== before) changed.push(`${what} ${target} as ${caller.name}`)
    }
  }
  for (const [what, asking] of Object.entries(askings(world))) {
    for (const [target, furnished] of Object.entries(targets)) {
      await ask(what, target, validRequest(routeOf(what), asking(furnished)))
    }
  }
  for (const what of untargeted) await ask(what, '-', validRequest(routeOf(what), { path: place }))
}

/** The name of a route stands before the first blank. */
function routeOf(what: string): Route {
  const route = routes.find(({ name }) => name === what.split(' ')[0])
  if (route === undefined) throw new Error(`there is no route ${what}`)
  return route
}

it('every route is asked', () => {
  const asked = [...Object.keys(askings(world)), ...untargeted].map((what) => routeOf(what).name)
  expect([...new Set(asked)].sort()).toEqual(routes.map(({ name }) => name).sort())
})

// A change shows as a diff. `npx vitest run test/contract/actors.test.ts -u` writes the file.
it('answers whom it should', async () => {
  const rows = Map.groupBy(cells, ({ what, target }) => `${what.padEnd(28)}${target.padEnd(9)}`)
  const head = `${'route'.padEnd(28)}${'target'.padEnd(9)}`
  const lines = [...rows].map(([name, row]) =>
    row.reduce((line, { answer }) => `${line}${String(answer.status).padEnd(9)}`, name),
  )
  const names = callers.map(({ name }) => name.padEnd(9)).join('')
  const text = [`${head}${names}`, ...lines].map((line) => line.trimEnd()).join('\n')
  await expect(`${text}\n`).toMatchFileSnapshot('./authorisation.txt')
})

it('what was refused changed nothing, and no answer is broken', () => {
  expect(changed).toEqual([])
  const broken = cells.flatMap(({ what, target, caller, answer }) =>
    faultsOf(answer).map((fault) => `${what} ${target} as ${caller.name} ${fault}`),
  )
  expect(broken).toEqual([])
})

it('tells who is nobody the same, whatever they ask', () => {
  const strangers = cells.filter(({ caller }) => caller.scope === undefined)
  const closed = strangers.filter(({ what }) => routeOf(what).permission !== 'open')
  expect([...new Set(closed.map(({ answer }) => shape(answer)))]).toHaveLength(1)
})

it('answers about what is hidden as about what is not there', () => {
  const differing = cells
    .filter(({ caller, target }) => isHidden(caller, target))
    .filter(({ what, caller, answer }) => {
      const other = cells.find(
        (cell) => cell.what === what && cell.caller === caller && cell.target === 'nowhere',
      )
      return other === undefined || shape(answer) !== shape(other.answer)
    })
  expect(differing.map(({ what, target, caller }) => `${what} ${target} ${caller.name}`)).toEqual(
    [],
  )
})

describe('nothing of what is hidden', () => {
  it('shows in any answer', () => {
    const found = callers.flatMap((caller) => {
      const told = cells.filter((cell) => cell.caller === caller).map(({ answer }) => answer.text)
      return leaksIn(caller, told.join('\n'))
    })
    expect(found).toEqual([])
  })

  it('comes as an event', async () => {
    const [root, ...scoped] = callers.filter(({ scope }) => scope !== undefined)
    const { url } = world.patchbay
    const told = (caller: Caller) => eventsOf(caller, url, 2_000)
    if (root === undefined) throw new Error('there is no root')
    const [all, ...each] = await Promise.all([root, ...scoped].map(told))
    for (const { name } of [world.parent, world.own, world.sibling, world.child]) {
      expect(all).toContain(name)
    }
    expect(scoped.flatMap((caller, at) => leaksIn(caller, each[at] ?? ''))).toEqual([])
    expect(each.map((text) => text.includes('event: tenant.create'))).toEqual([true, true, true])
  })

  it('is told by names that are taken, or by a Microsoft tenant that is', async () => {
    const { own, sibling } = world
    const customer = callers.find(({ name }) => name === 'customer')
    const send = async (method: string, path: string, body: object) => {
      const answer = await customer?.sender.send({ method, path, body: JSON.stringify(body) })
      if (answer === undefined) throw new Error('there is no customer')
      return answer
    }
    const rename = (name: string) => send('PATCH', `/v1/nodes/${own.nodeId}`, { name })
    const answers = [await rename(sibling.name), await rename('Nobody')]
    expect(new Set(answers.map(shape))).toHaveLength(1)
    const node = { parentId: own.nodeId, kind: 'site', name: 'Fichte' }
    const { json } = await send('POST', '/v1/nodes', node)
    const [, tenantId, clientId] = sibling.marks
    const graph = { cloud: 'emulator', tenantId, clientId, clientSecret: 'x' }
    const taken = await send('POST', '/v1/tenants', { nodeId: json.id, name: 'New', graph })
    expect(taken).toMatchObject({ status: 409, json: { code: 'conflict' } })
    expect(taken.text).not.toMatch(new RegExp(sibling.name, 'i'))
  })

  it('would be missed: who may see it does', () => {
    const root = cells.filter(({ caller }) => caller.name === 'root')
    const told = root.map(({ answer }) => answer.text).join('\n')
    for (const { marks } of Object.values(targets)) {
      for (const mark of marks) expect(told).toContain(mark)
    }
  })
})

function isHidden({ scope }: Caller, target: string): boolean {
  const path = targets[target]?.path ?? ''
  return scope !== undefined && target !== 'nowhere' && path !== '' && !within(path, scope)
}

/** The marks of hidden nodes in a text. */
function leaksIn(caller: Caller, text: string): string[] {
  return Object.entries(targets)
    .filter(([target]) => isHidden(caller, target))
    .flatMap(([target, { marks }]) => marks.map((mark) => [target, mark] as const))
    .filter(([, mark]) => text.toLowerCase().includes(mark.toLowerCase()))
    .map(([target, mark]) => `${caller.name} sees ${mark} of ${target}`)
}

/** All of an answer but its own number and moment. */
function shape({ status, headers, text }: Answered): string {
  const { date: _, ...others } = headers
  return JSON.stringify([status, others, text.replace(/urn:uuid:[0-9a-f-]+/, '')])
}
