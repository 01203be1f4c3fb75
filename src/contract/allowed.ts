import { Closed, Nullable } from './schemas.ts'
import { Type } from './type.ts'

/** With a reason where it is not allowed, or where there is something to know. */
const Answer = Closed({ allowed: Type.Boolean(), reason: Nullable(Type.String()) })

/** Which operations the caller may do, and why not the others: to disable, not to hide. */
export const Allowed = Closed({
  Read: Answer,
  Create: Answer,
  Update: Answer,
  Delete: Answer,
  Export: Answer,
})
