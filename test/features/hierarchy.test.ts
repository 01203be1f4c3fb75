import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import {
  createNode,
  listNodes,
  type NodeAnswer,
  readNode,
  renameNode,
} from '../../src/features/hierarchy/nodes.ts'
import { deleteNode, moveNode } from '../../src/features/hierarchy/shape.ts'
import { listAudit } from '../../src/store/audit.ts'
import { inScope } from '../../src/store/scope.ts'
import {
  actorAt,
  addNode,
  type Bench,
  eventsAt,
  failureOf,
  fieldsOf,
  openBench,
  provider,
} from './support.ts'

let bench: Bench
let reseller: NodeAnswer
let customer: NodeAnswer
let sibling: NodeAnswer

beforeAll(async () => {
  bench = await openBench()
  reseller = await addNode(bench, 1, 'reseller', 'North')
  customer = await addNode(bench, reseller.id, 'customer', 'Contoso')
  sibling = await addNode(bench, reseller.id, 'customer', 'Fabrikam')
})
afterAll(() => bench.close())

const db = () => bench.store.db

describe('nodes', () => {
  test('a node lies at the path of its parent and its own id', async () => {
    expect(customer.path).toBe(`1.${reseller.id}.${customer.id}.`)
    expect(await readNode(provider, db(), customer.id)).toEqual(customer)
  })

  test('the list holds parents before children and goes on where a page ended', async () => {
    const all = await listNodes(provider, db(), {})
    expect(all.next).toBeNull()
    const seen = new Set<number | null>([null])
    for (const node of all.items) {
      expect(seen).toContain(node.parentId)
      seen.add(node.id)
    }
    const paged: NodeAnswer[] = []
    let after: string | undefined
    do {
      const page = await listNodes(provider, db(), { limit: 2, ...(after && { after }) })
      paged.push(...page.items)
      after = page.next ?? undefined
    } while (after !== undefined)
    expect(paged).toEqual(all.items)
    expect(await fieldsOf(listNodes(provider, db(), { after: "1.'" }))).toEqual(['query.after'])
  })

  test.each([
    ['provider', 1],
    ['reseller', 2],
    ['customer', 3],
  ] as const)('a %s may not stand below its like or lower (node %i)', async (kind, parentId) => {
    const input = { parentId, kind, name: 'Wrong' }
    expect(await fieldsOf(createNode(provider, db(), input))).toEqual(['body.kind'])
  })

  test('what may stand below an intermediate node depends on what is above it', async () => {
    const between = await addNode(bench, customer.id, 'intermediate', 'Region')
    const admin = actorAt(between.path)
    const site = { parentId: between.id, kind: 'site', name: 'Berlin' } as const
    expect((await createNode(admin, db(), site)).kind).toBe('site')
    const wrong = { ...site, kind: 'customer' } as const
    expect(await fieldsOf(createNode(admin, db(), wrong))).toEqual(['body.kind'])
  })

  test('names of siblings differ by more than case', async () => {
    const same = { parentId: reseller.id, kind: 'customer', name: ' CONTOSO ' } as const
    const failure = await failureOf(createNode(provider, db(), same))
    expect(failure.code).toBe('conflict')
    expect(failure.fields).toEqual([{ field: 'body.name', problem: 'is taken' }])
    const other = await addNode(bench, 1, 'customer', 'Contoso')
    expect(other.name).toBe('Contoso')
  })

  test('names of siblings differ, however many are given at the same moment', async () => {
    const wishes = ['Twin', 'twin', 'TWIN'].map((name) =>
      createNode(provider, db(), { parentId: 1, kind: 'customer', name }),
    )
    const results = await Promise.allSettled(wishes)
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  test('the tree has a deepest level', async () => {
    let parent = await addNode(bench, 1, 'intermediate', 'Deep')
    for (let level = 3; level <= limits.hierarchyDepthMax; level++) {
      parent = await addNode(bench, parent.id, 'intermediate', `Level ${level}`)
    }
    const below = { parentId: parent.id, kind: 'intermediate', name: 'Too deep' } as const
    expect(await fieldsOf(createNode(provider, db(), below))).toEqual(['body.parentId'])
  })

  test('renaming keeps the path', async () => {
    const node = await addNode(bench, 1, 'customer', 'Before')
    const renamed = await renameNode(provider, db(), { nodeId: node.id, name: 'After' })
    expect(renamed).toEqual({ ...node, name: 'After' })
    const taken = renameNode(provider, db(), { nodeId: node.id, name: 'contoso' })
    expect((await failureOf(taken)).code).toBe('conflict')
    expect(await fieldsOf(renameNode(provider, db(), { nodeId: node.id, name: '  ' }))).toEqual([
      'body.name',
    ])
  })
})

describe('scope', () => {
  test('nothing outside of it is found, whatever is asked', async () => {
    const admin = actorAt(customer.path)
    const asks = [
      readNode(admin, db(), sibling.id),
      readNode(admin, db(), reseller.id),
      readNode(admin, db(), 999_999),
      createNode(admin, db(), { parentId: sibling.id, kind: 'site', name: 'Mine' }),
      renameNode(admin, db(), { nodeId: sibling.id, name: 'Mine' }),
      deleteNode(admin, db(), { nodeId: sibling.id, confirm: sibling.name }),
      moveNode(admin, db(), { nodeId: sibling.id, parentId: customer.id, confirm: sibling.name }),
    ]
    const messages = await Promise.all(asks.map(async (ask) => (await failureOf(ask)).message))
    expect(new Set(messages)).toEqual(new Set(['There is no such node within your scope.']))
    const seen = await listNodes(admin, db(), {})
    expect(seen.items.every((node) => node.path.startsWith(customer.path))).toBe(true)
  })

  test('inside of it, what is not permitted is said to be so', async () => {
    const reader = actorAt(customer.path, [{ type: '*', operations: ['Read'] }])
    const wish = { parentId: customer.id, kind: 'site', name: 'Mine' } as const
    expect((await failureOf(createNode(reader, db(), wish))).code).toBe('not-permitted')
    expect((await readNode(reader, db(), customer.id)).id).toBe(customer.id)
  })

  test('nobody deletes or moves what their own rights rest on, nor the top', async () => {
    const admin = actorAt(reseller.path)
    for (const [actor, nodeId, confirm] of [
      [admin, reseller.id, 'North'],
      [provider, 1, 'Provider'],
    ] as const) {
      const move = moveNode(actor, db(), { nodeId, parentId: customer.id, confirm })
      expect((await failureOf(move)).code).toBe('conflict')
      const removal = deleteNode(actor, db(), { nodeId, confirm })
      expect((await failureOf(removal)).message).toMatch(/cannot be deleted/)
    }
  })
})

describe('deleting', () => {
  test('needs the name, and an empty node', async () => {
    const node = await addNode(bench, 1, 'customer', 'Short lived')
    const site = await addNode(bench, node.id, 'site', 'Site')
    const full = await failureOf(
      deleteNode(provider, db(), { nodeId: node.id, confirm: node.name }),
    )
    expect([full.code, full.message]).toEqual(['conflict', expect.stringContaining('1 x node')])
    for (const confirm of [undefined, 'site']) {
      const failure = await failureOf(deleteNode(provider, db(), { nodeId: site.id, confirm }))
      expect(failure.code).toBe('confirmation-required')
    }
    await deleteNode(provider, db(), { nodeId: site.id, confirm: 'Site' })
    await deleteNode(provider, db(), { nodeId: node.id, confirm: 'Short lived' })
    expect((await failureOf(readNode(provider, db(), node.id))).code).toBe('not-found')
  })
})

test('every change is on record and announced', async () => {
  const node = await addNode(bench, 1, 'customer', 'Recorded')
  await renameNode(provider, db(), { nodeId: node.id, name: 'Recorded anew' })
  await deleteNode(provider, db(), { nodeId: node.id, confirm: 'Recorded anew' })
  const wanted = ['node.create', 'node.rename', 'node.delete']
  const audit = await inScope(db(), node.path, (tx) => listAudit(tx))
  expect(audit.map((row) => row.action).reverse()).toEqual(wanted)
  const events = await eventsAt(bench, node.path, 3)
  expect(events.map((event) => event.kind)).toEqual(wanted)
})
