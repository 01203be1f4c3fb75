import { readCredentialEnds, readDelegations } from '../../../connectors/graph/checks.ts'
import type { GraphTransport } from '../../../connectors/graph/transport.ts'
import type { Application } from '../../../connectors/microsoft/application.ts'
import { AppError, asAppError } from '../../../core/errors.ts'
import { limits } from '../../../core/limits.ts'
import type { Log } from '../../../store/log.ts'
import { inScope } from '../../../store/scope.ts'
import { rootPath } from '../../hierarchy/root.ts'
import type { Store } from '../../operation/store.ts'
import { testNeeds } from '../../tenants/permissions.ts'
import * as queries from './queries.ts'

/** A way into one tenant, for reading when its credentials end. */
export interface Entrance {
  application: Application
  graph: GraphTransport
}

export interface LookDependencies {
  store: Store
  open: (place: { tenantId: number; scope: string }) => Promise<Entrance>
  log: Log
}

/**
 * Reads the ends of one tenant after the other that is due, some at most. One is taken by putting
 * it off for an hour: a worker that dies over it, or a Microsoft that is away, costs no more.
 */
export async function readDueEnds(
  { store, open, log }: LookDependencies,
  signal: AbortSignal,
): Promise<void> {
  for (let taken = 0; taken < limits.dueRowsMax && !signal.aborted; taken += 1) {
    const now = store.clock.now()
    const again = new Date(now + limits.credentialReadAgainMs)
    const due = await inScope(store.db, rootPath, (tx) =>
      queries.takeDueTenant(tx, new Date(now), again),
    )
    if (due === undefined) return
    const { tenantId, nodePath } = due
    try {
      await keepEnds(store, due, await open({ tenantId, scope: nodePath }), signal)
    } catch (thrown) {
      if (signal.aborted) return
      const { code, message } = asAppError(thrown, 'Reading when credentials end')
      log.warn({ tenantId, code }, message)
      await inScope(store.db, nodePath, (tx) => queries.noteLook(tx, due, again, message))
    }
  }
}

/** Reads the ends of one tenant now and keeps them. What may not be read leaves what was given. */
export async function keepEnds(
  store: Store,
  tenant: queries.DueTenant,
  { application, graph }: Entrance,
  signal: AbortSignal,
): Promise<void> {
  const secrets = await readCredentialEnds(graph, application.clientId, signal)
  const delegations = await orUnknown(() => readDelegations(graph, signal))
  const hints = await hintsOf(application)
  const now = new Date(store.clock.now())
  await inScope(store.db, tenant.nodePath, async (tx) => {
    if (secrets !== 'unknown') {
      const found = secrets.filter(({ kind }) => kind === 'secret')
      // Where no hint fits (Microsoft may leave it out), any of them may be the one in use.
      const known = found.some(({ hint }) => hints.includes(hint))
      const ends = found.map((each) => ({
        ...{ foreignId: each.keyId, name: each.name || 'client secret', extends: false },
        used: !known || hints.includes(each.hint),
        endsAt: new Date(each.endsAt),
      }))
      await queries.replaceEnds(tx, tenant, 'secret', ends.filter(hasTime), now)
    }
    if (delegations !== 'unknown') {
      const held = delegations.filter(({ status }) => standing.includes(status))
      const ends = held.map((each) => ({
        ...{ foreignId: each.id, used: true, extends: each.extends },
        name: each.customer === '' ? each.name : `${each.name} of ${each.customer}`,
        endsAt: new Date(each.endsAt),
      }))
      await queries.replaceEnds(tx, tenant, 'gdap', ends.filter(hasTime), now)
    }
    const next = new Date(now.getTime() + limits.credentialReadMs)
    const unreadable =
      secrets === 'unknown' ? `Reading it needs ${testNeeds.credentials} in the tenant.` : null
    await queries.noteLook(tx, tenant, next, unreadable)
  })
}

/** The others were never approved, or were ended on purpose. */
const standing = ['active', 'expiring', 'expired']

function hasTime({ endsAt }: { endsAt: Date }): boolean {
  return !Number.isNaN(endsAt.getTime())
}

/** Graph tells the first three characters of a secret; compared, they say which ones are ours. */
async function hintsOf({ credentials, standIn }: Application): Promise<string[]> {
  const own = [await credentials(), standIn && (await standIn.credentials())]
  return own.flatMap((each) => each?.clientSecret?.reveal().slice(0, 3) ?? [])
}

/** Tenants that are no partner's answer in several ways. */
async function orUnknown<T>(read: () => Promise<T>): Promise<T | 'unknown'> {
  try {
    return await read()
  } catch (error) {
    const none = ['microsoft-refused', 'microsoft-not-found']
    if (error instanceof AppError && none.includes(error.code)) return 'unknown'
    throw error
  }
}
