import type { World } from './world.ts'

export interface Told {
  id: string
  kind: string
}

/**
 * Reads the event stream of a subject as any program would, behind the event named last, and cuts
 * the connection as soon as `enough` says so. Answers what came.
 */
export async function listen(
  world: World,
  subject: string,
  last: string,
  enough: (told: readonly Told[]) => boolean,
): Promise<Told[]> {
  const headers = { authorization: `Bearer ${await world.token()}`, 'last-event-id': last }
  const address = `${world.url()}/v1/events?subject=${subject}`
  const answer = await fetch(address, { headers })
  const told: Told[] = []
  let text = ''
  for await (const chunk of answer.body ?? []) {
    text += new TextDecoder().decode(chunk)
    const frames = text.split('\n\n')
    text = frames.pop() ?? ''
    for (const frame of frames) {
      const [, id] = /^id: (.*)$/m.exec(frame) ?? []
      const [, kind = ''] = /^event: (.*)$/m.exec(frame) ?? []
      if (id !== undefined) told.push({ id, kind })
      // To leave the loop closes the connection; what came in the same breath is lost with it.
      if (enough(told)) return told
    }
  }
  return told
}
