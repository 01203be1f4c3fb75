import { limits } from '../core/limits.ts'
import { route } from './route.ts'
import { AnyJson, Closed, Id, Nullable, PageOf, pageQuery, Text, Time } from './schemas.ts'
import { Type } from './type.ts'

const type = 'data/Audit'
const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' })

/** An entry with its link in the chain of its customer. */
const SealedEntry = Closed({
  /** Node id of the customer, or of the node above every customer. */
  chain: Id,
  seq: Id,
  previous: Sha256,
  /** SHA-256 over the 32 bytes of `previous` and the UTF-8 bytes of `entry`. */
  hash: Sha256,
  /** JSON as text, because the hash is over its very bytes. Null: the entry is gone. */
  entry: Nullable(Type.String()),
})

const Head = Closed({ chain: Id, seq: Id, hash: Sha256 })

const Chain = Closed({
  chain: Id,
  entries: Type.Integer(),
  unseen: Type.Integer(),
  head: Closed({ seq: Type.Integer(), hash: Sha256 }),
  fault: Nullable(
    Closed({
      seq: Type.Integer(),
      entryId: Nullable(Id),
      what: Type.Enum(['missing', 'changed', 'out-of-order', 'not-as-exported', 'cut-off']),
    }),
  ),
})

export const auditRoutes = {
  list: route({
    name: 'audit.list',
    method: 'GET',
    path: '/v1/audit',
    summary: 'The audit, newest first',
    permission: { operation: 'Read', type },
    watched: true,
    query: Closed({ ...pageQuery, tenantId: Type.Optional(Id) }),
    answer: PageOf(
      Closed({
        id: Id,
        at: Time,
        actor: Type.String(),
        action: Type.String(),
        tenantId: Nullable(Id),
        subject: Type.String(),
        detail: AnyJson,
      }),
    ),
    status: 200,
  }),
  export: route({
    name: 'audit.export',
    method: 'GET',
    path: '/v1/audit/export',
    summary: 'The audit chain by chain, oldest first, with the hashes that hold it together',
    permission: { operation: 'Export', type },
    query: Closed({
      after: Type.Optional(Text({ maxLength: 64 })),
      limit: pageQuery.limit,
    }),
    answer: PageOf(SealedEntry),
    status: 200,
  }),
  verify: route({
    name: 'audit.verify',
    method: 'POST',
    path: '/v1/audit/verify',
    summary: 'Follow every chain within your scope, and compare with heads of an earlier export',
    permission: { operation: 'Read', type },
    body: Closed({
      heads: Type.Optional(Type.Array(Head, { maxItems: limits.auditHeadsMax })),
    }),
    answer: Closed({
      sound: Type.Boolean(),
      chains: Type.Array(Chain),
      /** An entry that stands beside the chains: it was put there behind our back. */
      unsealed: Nullable(Closed({ entryId: Id, nodePath: Type.String() })),
    }),
    status: 200,
  }),
}
