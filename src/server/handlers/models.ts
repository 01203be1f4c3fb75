import type { Api } from '../../contract/api.ts'
import {
  activateVersion,
  compareVersions,
  listVersions,
  readModelVersion,
  rollBack,
  uploadModel,
} from '../../features/models/versions.ts'
import { listModels, readModel } from '../../features/resources/models.ts'
import type { Handlers } from '../../http/handlers.ts'
import type { ServerDependencies } from '../dependencies.ts'

export function modelHandlers({ store, engine }: ServerDependencies): Handlers<Api>['model'] {
  const { db } = store
  const { models } = engine
  const idOf = ({ application, name }: { application: string; name: string }) =>
    `device/${application}/${name}`
  return {
    list: async (actor) => listModels(actor, await models.current()),
    show: async (actor, { params }) => readModel(actor, await models.current(), idOf(params)),
    upload: (actor, { body }) => uploadModel(actor, db, body.text),
    versions: (actor, { params, query }) => listVersions(actor, db, idOf(params), query),
    version: (actor, { params }) => readModelVersion(actor, db, idOf(params), params.number),
    diff: (actor, { params, query }) =>
      compareVersions(actor, db, idOf(params), params.number, query.against),
    activate: (actor, { params, body }) =>
      activateVersion(actor, db, models, idOf(params), body.number),
    rollback: (actor, { params }) => rollBack(actor, db, models, idOf(params)),
  }
}
