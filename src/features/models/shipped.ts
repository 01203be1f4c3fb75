import { hash } from 'node:crypto'
import { type Actor, allPermissions } from '../../core/actor.ts'
import { type ModelText, parseModels } from '../../engine/models/load.ts'
import type { Database } from '../../store/database.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { rootPath } from '../hierarchy/root.ts'
import { record } from '../operation/record.ts'
import { bringIntoForce } from './activate.ts'
import * as queries from './queries.ts'

const product: Actor = {
  id: 'system',
  name: 'Patchbay',
  kind: 'system',
  grants: [{ scope: rootPath, permissions: allPermissions }],
}

/**
 * Makes versions of the files Patchbay comes with, at each start. A file that is new comes into
 * force unless a person chose what is; one that is known does not, so that of two releases side by
 * side the older one takes nothing back. A model that is no longer shipped stays.
 */
export async function bringShippedModels(db: Database, files: readonly ModelText[]): Promise<void> {
  parseModels(files)
  await inScope(db, rootPath, async (tx) => {
    const fresh: { model: queries.ModelRow; version: queries.VersionRow }[] = []
    // In the order of names, as every process does it: each waits for the lock of the one before.
    for (const { file, text } of files) {
      const name = file.replace(/\.yaml$/, '')
      await queries.addModel(tx, name)
      const model = await queries.lockModel(tx, name)
      const version = model && (await addShipped(tx, model, text))
      if (model && version) fresh.push({ model, version })
    }
    const due = fresh.filter(({ model }) => (model.activatedBy?.kind ?? 'system') === 'system')
    if (due.length === 0) return
    await record(tx, product, {
      nodePath: rootPath,
      action: 'model.ship',
      subject: 'model',
      detail: { models: due.map(({ version }) => `${version.model} ${version.number}`) },
    })
    for (const { model, version } of due) {
      await bringIntoForce(tx, product, model, version, model.activationId)
    }
  })
}

/** Undefined when this text is known. */
async function addShipped(
  tx: Tx,
  model: queries.ModelRow,
  text: string,
): Promise<queries.VersionRow | undefined> {
  const digest = digestOf(text)
  if ((await queries.findByDigest(tx, model.id, digest)) !== undefined) return undefined
  const added = { modelId: model.id, origin: 'shipped' as const, text, digest, actor: product }
  return await queries.selectVersionById(tx, await queries.insertVersion(tx, added))
}

export function digestOf(text: string): Buffer {
  return hash('sha256', text, 'buffer')
}
