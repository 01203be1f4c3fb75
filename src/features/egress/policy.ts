import type { Static } from 'typebox'
import type { EgressPolicy } from '../../contract/egress.ts'
import { type Actor, mayDo, scopesOf } from '../../core/actor.ts'
import { badInput } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Reach } from '../../net/destination.ts'
import {
  covers,
  type EgressRule,
  exceedsConfigured,
  type Ports,
  readTarget,
} from '../../net/policy.ts'
import type { Database } from '../../store/database.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { permittedNode } from '../hierarchy/access.ts'
import type { NodeRow } from '../hierarchy/queries.ts'
import { record } from '../operation/record.ts'
import { deleteList, type StoredList, saveList, selectLists } from './queries.ts'
import { beginning, listsTo } from './reach.ts'

const type = 'data/EgressPolicy'
export type PolicyAnswer = Static<typeof EgressPolicy>

/** Throws `not-found`, `not-permitted`. */
export async function showPolicy(
  actor: Actor,
  db: Database,
  configured: Reach,
  nodeId: number,
): Promise<PolicyAnswer> {
  const node = await inScope(db, scopesOf(actor), (tx) =>
    permittedNode(tx, actor, 'Read', type, nodeId),
  )
  return show(actor, node, await listsTo(db, node.path, configured))
}

/**
 * Adds a rule, or gives one of the same target other ports. The list begins as what was in force.
 * Throws `bad-input` for what a list above or the server's configuration does not allow.
 */
export async function allowTarget(
  actor: Actor,
  db: Database,
  configured: Reach,
  { nodeId, target, ports = 'usual' }: { nodeId: number; target: string; ports?: Ports },
): Promise<PolicyAnswer> {
  const rule = { target: readTarget('body.target', target), ports }
  return await change(actor, db, configured, nodeId, 'egress.allow', (rules, above) => {
    if (exceedsConfigured(rule, configured.allowedAddresses ?? [])) throw notOpened()
    if (above !== undefined && !covers(above, rule)) {
      throw badInput('body.target', 'is more than the list above this node allows.')
    }
    if (rules.some((each) => isSame([each], [rule]))) return rules
    const others = rules.filter((each) => each.target !== rule.target)
    if (others.length >= limits.egressRulesMax) {
      throw badInput('body.target', `is one too many: a list has at most ${limits.egressRulesMax}.`)
    }
    return [...others, rule]
  })
}

function notOpened(): Error {
  return badInput(
    'body.target',
    'is a range of private or reserved addresses that the configuration of the server does not open; its operator adds it to proxies.allowedAddresses in patchbay.json first.',
  )
}

/** Takes a rule off; what is not on the list is off it already. */
export async function forbidTarget(
  actor: Actor,
  db: Database,
  configured: Reach,
  { nodeId, target }: { nodeId: number; target: string },
): Promise<PolicyAnswer> {
  const wanted = readTarget('body.target', target)
  return await change(actor, db, configured, nodeId, 'egress.forbid', (rules) =>
    rules.filter((rule) => rule.target !== wanted),
  )
}

/** The list of the node goes; those above it stay in force. */
export async function inheritPolicy(
  actor: Actor,
  db: Database,
  configured: Reach,
  nodeId: number,
): Promise<PolicyAnswer> {
  return await change(actor, db, configured, nodeId, 'egress.inherit', () => undefined)
}

type List = readonly EgressRule[] | undefined
type Change = (rules: readonly EgressRule[], above: List) => List

async function change(
  actor: Actor,
  db: Database,
  configured: Reach,
  nodeId: number,
  action: 'egress.allow' | 'egress.forbid' | 'egress.inherit',
  decide: Change,
): Promise<PolicyAnswer> {
  const { path } = await inScope(db, scopesOf(actor), (tx) =>
    permittedNode(tx, actor, 'Update', type, nodeId),
  )
  // What is above may lie outside of the actor's scope, and may only narrow what is written here.
  const lists = await listsTo(db, path, configured)
  const above = lists.filter((list) => list.path !== path)
  return await inScope(db, scopesOf(actor), async (tx) => {
    const node = await permittedNode(tx, actor, 'Update', type, nodeId, 'update')
    const [own] = await selectLists(tx, [node.path])
    const nearest = above.at(-1)
    // One that is not theirs to see is not copied either; it narrows whatever stands here.
    const seen = nearest && maySee(actor, nearest) ? nearest.rules : beginning(configured)
    const inForce = own?.rules ?? seen
    const decided = decide(inForce, nearest?.rules)
    // What changes nothing makes no list of its own: that would part the node from those above.
    const rules = isSame(decided, inForce) ? own?.rules : decided
    await write(tx, actor, node, action, own?.rules, rules)
    const shown = {
      nodeId: rules && nodeId,
      path: node.path,
      rules: rules ?? beginning(configured),
    }
    return show(actor, node, rules === undefined && above.length > 0 ? above : [...above, shown])
  })
}

async function write(
  tx: Tx,
  actor: Actor,
  node: NodeRow,
  action: string,
  before: List,
  rules: List,
): Promise<void> {
  if (isSame(before, rules)) return
  await record(tx, actor, {
    nodePath: node.path,
    action,
    subject: `node:${node.id}`,
    detail: { before: before?.map(wordsOf) ?? null, after: rules?.map(wordsOf) ?? null },
  })
  if (rules === undefined) await deleteList(tx, node.id)
  else await saveList(tx, node, rules)
}

function isSame(one: List, other: List): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

function wordsOf({ target, ports }: EgressRule): string {
  return `${target} ${Array.isArray(ports) ? ports.join(',') : ports}`
}

/** Inherited rules name hosts of others: only who may read them where they stand sees them. */
function show(
  actor: Actor,
  { id, path }: { id: number; path: string },
  lists: readonly StoredList[],
): PolicyAnswer {
  const nearest = lists.at(-1)
  if (nearest?.nodeId === undefined) {
    return { nodeId: id, from: 'default', rules: (nearest?.rules ?? []).map(plain) }
  }
  const from = nearest.path === path ? 'node' : 'above'
  if (!maySee(actor, nearest)) return { nodeId: id, from, rules: null }
  const above = lists.slice(0, -1)
  const rules = nearest.rules.map((rule) => ({
    ...plain(rule),
    narrowed: !above.every((list) => covers(list.rules, rule)),
  }))
  return { nodeId: id, from, rules }
}

function maySee(actor: Actor, { nodeId, path }: StoredList): boolean {
  return nodeId === undefined || mayDo(actor, 'Read', type, path)
}

function plain({ target, ports }: EgressRule) {
  return { target, ports: typeof ports === 'string' ? ports : [...ports], narrowed: false }
}
