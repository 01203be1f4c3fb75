import type { Static } from 'typebox'
import type { CredentialEnd } from '../../../contract/credentials.ts'
import { type Actor, scopesPermitted } from '../../../core/actor.ts'
import { inScope } from '../../../store/scope.ts'
import { foreignCursor, type PageOf, type PageQuery, readPage } from '../../operation/paging.ts'
import { showTime } from '../../operation/show.ts'
import type { Store } from '../../operation/store.ts'
import { type EndPlace, type EndRow, selectEnds } from './queries.ts'
import { alertDays } from './tell.ts'

/** The type by which access profiles name what the watch shows. */
const credentialType = 'data/Credential'

/** What ends within the scope, the first to end first; what nobody knows the end of is last. */
export async function listEnds(
  actor: Actor,
  store: Store,
  query: PageQuery,
): Promise<PageOf<Static<typeof CredentialEnd>>> {
  const scopes = scopesPermitted(actor, 'Read', credentialType)
  const after = placeOf(query.after)
  const now = store.clock.now()
  return await inScope(store.db, scopes, (tx) =>
    readPage(
      query,
      (limit) => selectEnds(tx, scopes, after, limit),
      (row) => showEnd(row, now),
      ({ endsAt, subject }) => `${showTime(endsAt) ?? 'unknown'} ${subject}`,
    ),
  )
}

const dayMs = 24 * 60 * 60_000
const [firstAlertDays] = alertDays

function showEnd(row: EndRow, now: number): Static<typeof CredentialEnd> {
  const { kind, name, nodePath, tenantId, tenantName, used, source, endsAt } = row
  const days = endsAt === null ? null : Math.floor((endsAt.getTime() - now) / dayMs)
  return {
    ...{ kind, name, nodePath, tenantId, tenant: tenantName, used, source },
    endsAt: showTime(endsAt),
    days,
    state: stateOf(days),
    extends: row.extends,
    note: endsAt === null ? unknownWords(row) : null,
  }
}

function stateOf(days: number | null): Static<typeof CredentialEnd>['state'] {
  if (days === null) return 'unknown'
  if (days < 0) return 'ended'
  return days <= firstAlertDays ? 'ending' : 'valid'
}

function unknownWords({ unreadable }: EndRow): string {
  const why = unreadable === '' || unreadable === null ? 'It was not read yet.' : unreadable
  return `${why} Or say when it ends: patchbay credential end.`
}

function placeOf(after: string | undefined): EndPlace | undefined {
  if (after === undefined) return undefined
  const [, time = '', subject = ''] = /^(\S{7,30}) ([a-z]+:\d{1,16})$/.exec(after) ?? []
  if (subject === '') throw foreignCursor()
  if (time === 'unknown') return { endsAt: null, subject }
  const endsAt = new Date(time)
  if (Number.isNaN(endsAt.getTime())) throw foreignCursor()
  return { endsAt, subject }
}
