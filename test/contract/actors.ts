import { createHash, randomUUID } from 'node:crypto'
import { openSender, type Sender } from './sender.ts'
import type { ContractWorld } from './world.ts'

/** Somebody who asks, and the node at and below which they may see and do everything. */
export interface Caller {
  name: string
  /** Undefined: nobody the server knows. */
  scope: string | undefined
  sender: Sender
  token: string | undefined
}

/** From who may nothing to who may most; the last four hold every permission within their scope. */
export async function openCallers(world: ContractWorld): Promise<Caller[]> {
  const { patchbay, database, own, sibling, child } = world
  const { url } = patchbay
  async function token(scope: string, ended = false): Promise<string> {
    const text = `pb_${randomUUID()}`
    await database.query(
      `insert into patchbay.access_token (name, scope, hash, expires_at)
        values ($1, $2, $3, case when $4 then now() end)`,
      ['Caller', scope, createHash('sha256').update(text).digest(), ended],
    )
    return text
  }
  const caller = (name: string, scope: string | undefined, text: string | undefined): Caller => ({
    ...{ name, scope, token: text },
    sender: openSender(url, text),
  })
  return [
    caller('nobody', undefined, undefined),
    caller('unknown', undefined, `pb_${randomUUID()}`),
    caller('ended', undefined, await token('1.', true)),
    caller('root', '1.', patchbay.token),
    caller('customer', own.path, await token(own.path)),
    caller('sibling', sibling.path, await token(sibling.path)),
    caller('site', child.path, await token(child.path)),
  ]
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
