import { AppError } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import type { Database } from './database.ts'
import { usedKeys } from './keyRing.ts'
import { type MasterKeys, newMasterKey, readMasterKeyFile, replaceMasterKeys } from './masterKey.ts'
import { recordOperator } from './operator.ts'
import { inScope } from './scope.ts'
import type { Vault } from './vault.ts'

/** What a rotation has done, as it goes. Cut off behind any of them, the next one goes on there. */
export type RotationStep =
  | { step: 'added' | 'current' | 'forgotten' | 'removed'; id: string }
  | { step: 'rewrapped'; count: number }

/**
 * Puts a new master key in the place of the current one, under load: nothing waits for it but a
 * first secret that is stored at that very moment. The new key is in the file before anything is
 * wrapped with it, and the former one stays there until nothing is, so that at every moment the
 * file opens everything. `fileKeys` undefined: the keys came with the environment, which somebody
 * has already given both. Errors: `conflict` where there is nothing to rotate to.
 */
export async function rotateMasterKey(
  { db, vault, scope }: { db: Database; vault: Vault; scope: string },
  keys: { path: string } | { given: MasterKeys },
  onStep: (step: RotationStep) => void,
): Promise<void> {
  const former = (await usedKeys(db)).find(({ current }) => current)?.id
  const [next, ...others] = 'given' in keys ? givenKeys(keys.given) : await fileKeys(keys.path)
  let newest = next
  const begun = others.length > 0
  if (!begun && 'path' in keys) {
    newest = newMasterKey()
    await replaceMasterKeys(keys.path, [newest, next])
    onStep({ step: 'added', id: newest.id })
  }
  if (newest.id !== former) {
    await makeCurrent(db, scope, newest.id, former)
    onStep({ step: 'current', id: newest.id })
  }
  for (;;) {
    const count = await inScope(db, scope, (tx) => vault.rewrap(tx))
    if (count === 0) break
    onStep({ step: 'rewrapped', count })
  }
  if ((await usedKeys(db)).length > 1) {
    await forgetFormer(db, scope, newest.id)
    onStep({ step: 'forgotten', id: newest.id })
  }
  if ('path' in keys) await replaceMasterKeys(keys.path, [newest])
  onStep({ step: 'removed', id: newest.id })
}

async function fileKeys(path: string): Promise<MasterKeys> {
  const found = await readMasterKeyFile(path)
  if (found !== undefined) return found
  throw new AppError('conflict', `There is no master key at ${path} that could be rotated.`)
}

function givenKeys(given: MasterKeys): MasterKeys {
  if (given.length > 1) return given
  throw new AppError(
    'conflict',
    'PATCHBAY_MASTER_KEY holds one key, so there is none to rotate to. Give every process the new key before it, on a line or behind a comma, restart them, then repeat this.',
  )
}

/** One commit; whoever is just wrapping with the former key is waited for, see KeyRing.current. */
async function makeCurrent(
  db: Database,
  scope: string,
  id: string,
  former: string | undefined,
): Promise<void> {
  await inScope(db, scope, async (tx) => {
    const detail = { to: id, from: former ?? null }
    await recordOperator(tx, scope, { action: 'key.rotate', subject: 'master-key', detail })
    await tx.updateTable('master_key').set({ current: false }).where('current', '=', true).execute()
    await tx
      .insertInto('master_key')
      .values({ id, current: true })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ current: true }))
      .execute()
  })
}

/** The database refuses to forget a key that anything is still wrapped with. */
async function forgetFormer(db: Database, scope: string, current: string): Promise<void> {
  await inScope(db, scope, async (tx) => {
    const detail = { to: current }
    await recordOperator(tx, scope, { action: 'key.rotated', subject: 'master-key', detail })
    await tx.deleteFrom('master_key').where('current', '=', false).execute()
  })
}

/** How many secrets of each kind there are, and which do not open. */
export interface SecretsCheck {
  /** `tenant graph.clientSecret`: the kind of owner, and the field. */
  opened: Map<string, number>
  failed: { owner: string; field: string }[]
}

/** Opens every secret within the scope, one after the other, and lets go of it. */
export async function checkSecrets(
  db: Database,
  vault: Vault,
  scope: string,
): Promise<SecretsCheck> {
  const found: SecretsCheck = { opened: new Map(), failed: [] }
  let after = { owner: '', field: '' }
  for (;;) {
    const { owner, field } = after
    const refs = await inScope(db, scope, (tx) =>
      tx
        .selectFrom('secret')
        .select(['owner', 'field'])
        .where((row) => row(row.refTuple('owner', 'field'), '>', row.tuple(owner, field)))
        .orderBy('owner')
        .orderBy('field')
        .limit(limits.rewrapRows)
        .execute(),
    )
    const last = refs.at(-1)
    if (last === undefined) return found
    after = last
    for (const ref of refs) {
      const opens = await inScope(db, scope, (tx) => vault.get(tx, ref)).catch(() => undefined)
      const kind = `${ref.owner.split(':')[0]} ${ref.field.replace(/\d+/g, 'N')}`
      if (opens === undefined) found.failed.push(ref)
      else found.opened.set(kind, (found.opened.get(kind) ?? 0) + 1)
    }
  }
}
