import { createHash, randomUUID } from 'node:crypto'
import type { Client } from '../../src/client/client.ts'
import type { Api } from '../../src/contract/api.ts'
import type { Operation } from '../../src/core/actor.ts'
import { within } from '../../src/core/hierarchy.ts'
import { openSender, type Sender } from './sender.ts'
import type { ContractWorld, Furnished } from './world.ts'

/** Somebody who asks, and the node at and below which they may do what they may. */
export interface Caller {
  name: string
  /** Undefined: nobody the server knows. */
  scope: string | undefined
  sender: Sender
  token: string | undefined
}

type Permissions = { type: string; operations: Operation[] }[]

interface Bounds {
  nodeId: number
  permissions: Permissions
}

/** Reads what there is, but nothing of who does what. */
const reader: Permissions = [
  { type: 'relation/*', operations: ['Read'] },
  { type: 'device/*', operations: ['Read'] },
  { type: 'data/DataSync', operations: ['Read'] },
]

/**
 * From who may nothing to who may most. All but the first three and the script are people with the
 * roles that are shipped (readers: with one of the provider's own), and act by a token of theirs.
 */
export async function openCallers(world: ContractWorld): Promise<Caller[]> {
  const { patchbay, client, own, sibling, child } = world
  const profile = { name: 'Reader', permissions: reader }
  const { id: profileId } = await client.profile.create({ body: profile })
  for (const kind of ['provider', 'customer'] as const) {
    await client.role.create({ body: { name: `${capital(kind)} reader`, profileId, kind } })
  }
  const hire = await openHiring(client)
  const top = { nodeId: 1, path: '1.' }
  const bounds: Permissions = [
    { type: 'device/*', operations: ['Read'] },
    { type: 'data/DataSync', operations: ['Read', 'Execute'] },
  ]
  const people: [
    string,
    { nodeId: number; path: string },
    string,
    (Permissions | undefined)?,
    string?,
  ][] = [
    ['auditor', own, 'Customer auditor'],
    ['cus-read', own, 'Customer reader'],
    ['cus-oper', own, 'Customer operator'],
    ['script', own, 'Customer administrator', bounds],
    // Reads all of the customer, and may change what is below one site of it.
    ['cus-site', own, 'Customer reader', undefined, 'Site administrator'],
    ['site', child, 'Site administrator'],
    ['sibling', sibling, 'Customer administrator'],
    ['customer', own, 'Customer administrator'],
    ['pro-read', top, 'Provider reader'],
    ['pro-oper', top, 'Provider operator'],
    ['provider', top, 'Provider administrator'],
  ]
  const caller = (name: string, scope: string | undefined, text: string | undefined): Caller => ({
    ...{ name, scope, token: text },
    sender: openSender(patchbay.url, text),
  })
  const callers = [
    caller('nobody', undefined, undefined),
    caller('unknown', undefined, `pb_${randomUUID()}`),
    caller('expired', undefined, await ownerlessToken(world, '1.', true)),
  ]
  for (const [name, { nodeId, path }, role, permissions, roleBelow] of people) {
    const roles = new Map([[nodeId, role]])
    if (roleBelow !== undefined) roles.set(child.nodeId, roleBelow)
    callers.push(
      caller(name, path, await hire(name, roles, permissions && { nodeId, permissions })),
    )
  }
  return callers
}

const capital = (word: string) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`

/** Somebody new with roles at nodes, the first of them their own; answers a token of theirs. */
async function openHiring(client: Client<Api>) {
  const { items } = await client.role.list({ query: { limit: 100 } })
  return async (login: string, roles: ReadonlyMap<number, string>, bounds?: Bounds) => {
    const [nodeId = 1] = roles.keys()
    const { id: personId } = await client.person.create({ body: { nodeId, login, name: login } })
    for (const [nodeId, roleName] of roles) {
      const role = items.find(({ name }) => name === roleName)
      if (role === undefined) throw new Error(`there is no role ${roleName}`)
      await client.role.grant({ body: { nodeId, personId, roleId: role.id } })
    }
    const { token } = await client.token.create({ body: { name: login, personId, ...bounds } })
    return token
  }
}

/** One that is nobody's, as the first start makes it: it may do everything within its scope. */
export async function ownerlessToken(
  { database }: ContractWorld,
  scope: string,
  expired = false,
): Promise<string> {
  const text = `pb_${randomUUID()}`
  await database.query(
    `insert into patchbay.access_token (name, scope, hash, expires_at)
      values ('Nobody', $1, $2, case when $3 then now() end)`,
    [scope, createHash('sha256').update(text).digest(), expired],
  )
  return text
}

/** All events within a caller's scope so far, and those of the next moment, as they come. */
export async function eventsOf({ token }: Caller, url: string, forMs: number): Promise<string> {
  const answer = await fetch(`${url}/v1/events?after=0-0`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(forMs),
  })
  let text = ''
  try {
    for await (const piece of answer.body ?? []) text += Buffer.from(piece).toString()
  } catch {
    // The end of our patience: a stream has no other.
  }
  return text
}

/** Whether a target lies outside of all a caller reaches. */
export function isHidden({ scope }: Caller, { path }: Furnished): boolean {
  return scope !== undefined && path !== '' && !within(path, scope)
}

/** The marks of hidden nodes in a text. */
export function leaksIn(
  caller: Caller,
  targets: Readonly<Record<string, Furnished>>,
  text: string,
): string[] {
  return Object.entries(targets)
    .filter(([, furnished]) => isHidden(caller, furnished))
    .flatMap(([target, { marks }]) => marks.map((mark) => [target, mark] as const))
    .filter(([, mark]) => text.toLowerCase().includes(mark.toLowerCase()))
    .map(([target, mark]) => `${caller.name} sees ${mark} of ${target}`)
}
