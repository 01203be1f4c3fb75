import type { Api } from '../../contract/api.ts'
import {
  bringCertificate,
  createCertificate,
  deleteCertificate,
  exportCertificate,
  listCertificates,
  readCertificate,
} from '../../features/certificates/certificates.ts'
import type { Handlers } from '../../http/handlers.ts'
import type { ServerDependencies } from '../dependencies.ts'

export function certificateHandlers({ store }: ServerDependencies): Handlers<Api>['certificate'] {
  return {
    list: (actor, { query }) => listCertificates(actor, store, query),
    create: (actor, { body }) => createCertificate(actor, store, body),
    import: (actor, { body }) => bringCertificate(actor, store, body),
    show: (actor, { params }) => readCertificate(actor, store, params.certificateId),
    export: (actor, { params }) => exportCertificate(actor, store, params.certificateId),
    delete: (actor, { params, query }) => deleteCertificate(actor, store, { ...params, ...query }),
  }
}
