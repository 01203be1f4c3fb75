import { createHash, randomUUID } from 'node:crypto'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { scopesOf } from '../../src/core/actor.ts'
import type { Model } from '../../src/core/model.ts'
import { Sealed } from '../../src/core/secret.ts'
import { permittedTenantPath } from '../../src/features/tenants/access.ts'
import { systemClock } from '../../src/main/clock.ts'
import { findActor } from '../../src/server/access.ts'
import { type Database, openDatabase, sessionOptions } from '../../src/store/database.ts'
import { inScope } from '../../src/store/scope.ts'
import type { Tables } from '../../src/store/tables/tables.ts'
import {
  type Case,
  cases,
  loadPeople,
  type Place,
  peopleModel,
  selectCase,
  withCursor,
} from '../million.ts'
import { percentile, type Report, timed } from '../report.ts'
import { type BenchWorld, openWorld } from '../world.ts'

const rounds = 4
const log = { info: () => {}, warn: () => {}, error: () => {} }

/**
 * What it costs a page of a list to know who asks, to decide, and to keep to their rows: the same
 * statements once as a person with a token and a role at the customer, and once as the database's
 * superuser, who is asked nothing and whom no policy holds. The two take turns.
 */
export async function run(report: Report): Promise<void> {
  const world = await openWorld(1)
  const db = await openDatabase({ url: world.databaseUrl, name: 'patchbay bench', log })
  const superuser = openSuperuser(world.databaseUrl)
  try {
    const model = await peopleModel()
    const places = await loadPeople(world, db, model)
    const asked = await Promise.all(cases.map((one) => withCursor(db, model, places, one)))
    const holders: Holder[] = []
    for (const place of places) holders.push(await makeHolder(world, place))
    const checked: number[] = []
    const unchecked: number[] = []
    for (let round = 0; round <= rounds; round++) {
      for (const one of asked) {
        for (const [index, holder] of holders.entries()) {
          const ask = [
            { times: checked, page: () => askChecked(db, model, holder, one) },
            { times: unchecked, page: () => askUnchecked(superuser, model, holder, one) },
          ]
          // Whoever comes second finds in memory what the first one read.
          for (const { times, page } of (round + index) % 2 === 0 ? ask : ask.reverse()) {
            const took = await timed(page)
            // The first round warms what both read.
            if (round > 0) times.push(took)
          }
        }
      }
    }
    const [longer, shorter] = [percentile(checked, 0.95), percentile(unchecked, 0.95)]
    report({ figure: 'pages', value: checked.length, unit: 'pages' })
    report({ figure: 'p95 as a person', value: longer, unit: 'ms' })
    report({ figure: 'p95 as superuser', value: shorter, unit: 'ms' })
    const ratio = longer / shorter
    report({ figure: 'person to superuser, p95', value: ratio, unit: 'ratio', goal: '<= 1.25' })
    const medians = [percentile(checked, 0.5), percentile(unchecked, 0.5)] as const
    report({ figure: 'longer by, median', value: medians[0] - medians[1], unit: 'ms' })
  } finally {
    await superuser.close()
    await db.close()
    await world.close()
  }
}

interface Holder extends Place {
  token: Sealed
}

/** A person of the customer with the role of its administrator, and an API token of theirs. */
async function makeHolder({ database }: BenchWorld, place: Place): Promise<Holder> {
  const token = new Sealed(`pb_${randomUUID()}`)
  const path = place.scope
  await database.query(
    `with someone as (
       insert into patchbay.person (node_id, node_path, login, name)
       select id, node_path, 'person' || id, 'Person' from patchbay.node where node_path = $1
       returning id, node_id)
     , held as (
       insert into patchbay.role_grant (person_id, role_id, node_id, node_path, granted_by)
       select someone.id, role.id, someone.node_id, $1, '{}' from someone, patchbay.role
       where role.kind = 'customer' and role.origin = 'shipped' and role.name like '%dministrator')
     insert into patchbay.access_token (name, scope, hash, person_id)
     select 'Bench', $1, $2, id from someone`,
    [path, createHash('sha256').update(token.reveal()).digest()],
  )
  return { ...place, token }
}

async function askChecked(db: Database, model: Model, holder: Holder, one: Case) {
  const credential = { kind: 'token', secret: holder.token } as const
  const actor = await findActor({ db, clock: systemClock }, credential)
  if (actor === undefined) throw new Error('nobody has this token')
  return await inScope(db, scopesOf(actor), async (tx) => {
    await permittedTenantPath(tx, actor, 'Read', model.id, holder.tenantId)
    return await selectCase(tx, model, holder.tenantId, one)
  })
}

async function askUnchecked(superuser: Database, model: Model, holder: Holder, one: Case) {
  return await inScope(superuser, holder.scope, (tx) => selectCase(tx, model, holder.tenantId, one))
}

function openSuperuser(url: Sealed): Database {
  const pool = new pg.Pool({
    connectionString: url.reveal(),
    options: sessionOptions,
  })
  const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  return { kysely, pool, url, log, close: () => pool.end() }
}
