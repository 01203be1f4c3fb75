import type { JsonObject } from './json.ts'

/** An object as read: the model's own properties, and the links that came with it by kind. */
export interface ReadObject {
  data: JsonObject
  links: ObjectLinks
}

/** Keys by kind of link. A kind that is absent was not read: what is stored for it stays. */
export type ObjectLinks = { [kind: string]: string[] }

/** An object that is not what the model says it is. */
export interface RejectedObject {
  key: string | undefined
  reason: string
}

export function isRejected(read: ReadObject | RejectedObject): read is RejectedObject {
  return 'reason' in read
}
