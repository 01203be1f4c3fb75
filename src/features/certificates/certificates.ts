import type { Static } from 'typebox'
import type { Certificate, certificateRoutes } from '../../contract/certificates.ts'
import type { RouteInput } from '../../contract/route.ts'
import { type Actor, scopesOf } from '../../core/actor.ts'
import { AppError, badInput } from '../../core/errors.ts'
import { isUniqueViolation } from '../../store/errors.ts'
import { inScope } from '../../store/scope.ts'
import { permittedNode } from '../hierarchy/access.ts'
import { requireConfirmation } from '../operation/confirm.ts'
import { listById } from '../operation/listById.ts'
import type { PageOf, PageQuery } from '../operation/paging.ts'
import { record } from '../operation/record.ts'
import type { Store } from '../operation/store.ts'
import { certificateType, ownerOf, permittedCertificate, privateKeyField } from './access.ts'
import { generateCertificate } from './generate.ts'
import { importCertificate } from './import.ts'
import type { KeyPair } from './keyPair.ts'
import * as queries from './queries.ts'

export type CertificateAnswer = Static<typeof Certificate>
type CreateInput = RouteInput<typeof certificateRoutes.create>['body']
type ImportInput = RouteInput<typeof certificateRoutes.import>['body']

/** The certificates within the scope, oldest first. */
export async function listCertificates(
  actor: Actor,
  store: Store,
  query: PageQuery,
): Promise<PageOf<CertificateAnswer>> {
  return await listById(
    { actor, db: store.db, type: certificateType },
    query,
    queries.selectCertificates,
    showCertificate,
  )
}

export async function readCertificate(
  actor: Actor,
  store: Store,
  certificateId: number,
): Promise<CertificateAnswer> {
  return await inScope(store.db, scopesOf(actor), async (tx) =>
    showCertificate(await permittedCertificate(tx, actor, 'Read', certificateId)),
  )
}

/** Makes a key pair and a certificate signed by itself, for app registrations. */
export async function createCertificate(
  actor: Actor,
  store: Store,
  input: CreateInput,
): Promise<CertificateAnswer> {
  return await addCertificate(actor, store, input, 'certificate.create', () =>
    generateCertificate(store.clock, input),
  )
}

/** Throws `bad-input` naming the field for what Entra ID would refuse or nobody should use. */
export async function bringCertificate(
  actor: Actor,
  store: Store,
  input: ImportInput,
): Promise<CertificateAnswer> {
  return await addCertificate(actor, store, input, 'certificate.import', () =>
    importCertificate(store.clock, input),
  )
}

/** The public part only, to upload in Entra. */
export async function exportCertificate(
  actor: Actor,
  store: Store,
  certificateId: number,
): Promise<{ pem: string }> {
  return await inScope(store.db, scopesOf(actor), async (tx) => {
    const row = await permittedCertificate(tx, actor, 'Export', certificateId)
    await record(tx, actor, {
      nodePath: row.node_path,
      action: 'certificate.export',
      subject: `certificate:${row.id}`,
      detail: { name: row.name, thumbprint: row.thumbprint },
    })
    return { pem: row.public_pem }
  })
}

/** Removes a certificate that no tenant uses, and with its data key the private key for good. */
export async function deleteCertificate(
  actor: Actor,
  store: Store,
  input: { certificateId: number; confirm?: string | undefined },
): Promise<void> {
  await inScope(store.db, scopesOf(actor), async (tx) => {
    const row = await permittedCertificate(tx, actor, 'Delete', input.certificateId, 'update')
    const users = await queries.selectUsers(tx, row.id)
    if (users.length > 0) {
      const names = users.map((user) => user.name).join(', ')
      throw new AppError(
        'conflict',
        `${row.name} is in use by ${names}. Nothing was deleted; give these tenants another credential first.`,
      )
    }
    requireConfirmation(
      input.confirm,
      row.name,
      `This deletes the certificate ${row.name} and destroys its private key for good.`,
    )
    await record(tx, actor, {
      nodePath: row.node_path,
      action: 'certificate.delete',
      subject: `certificate:${row.id}`,
      detail: { name: row.name, thumbprint: row.thumbprint },
    })
    await store.vault.destroy(tx, ownerOf(row.id))
    await queries.deleteCertificateRow(tx, row.id)
  })
}

/** The key pair is made between two looks at the node, so that no transaction waits for it. */
async function addCertificate(
  actor: Actor,
  store: Store,
  input: { nodeId: number; name: string },
  action: string,
  make: () => Promise<KeyPair>,
): Promise<CertificateAnswer> {
  await inScope(store.db, scopesOf(actor), (tx) =>
    permittedNode(tx, actor, 'Create', certificateType, input.nodeId),
  )
  const name = input.name.trim()
  if (name === '') throw badInput('body.name', 'is empty.')
  const pair = await make()
  return await inScope(store.db, scopesOf(actor), async (tx) => {
    const node = await permittedNode(tx, actor, 'Create', certificateType, input.nodeId, 'share')
    const { subject, thumbprint } = pair
    const row = await orNameTaken(name, () =>
      queries.insertCertificate(tx, {
        ...{ node_id: node.id, node_path: node.path, name, subject, thumbprint },
        thumbprint_sha256: pair.thumbprintSha256,
        not_before: pair.notBefore,
        not_after: pair.notAfter,
        public_pem: pair.certificatePem,
      }),
    )
    await record(tx, actor, {
      nodePath: node.path,
      action,
      subject: `certificate:${row.id}`,
      detail: { name, subject, thumbprint, notAfter: pair.notAfter.toISOString() },
    })
    await store.vault.put(tx, ownerOf(row.id), node.path, privateKeyField, pair.privateKeyPem)
    return showCertificate(row)
  })
}

async function orNameTaken<T>(name: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw new AppError(
      'conflict',
      `The node already has a certificate named ${name}. Nothing was stored; choose another name.`,
      { fields: [{ field: 'body.name', problem: 'is taken' }] },
    )
  }
}

function showCertificate(row: queries.CertificateRow): CertificateAnswer {
  return {
    id: row.id,
    nodeId: row.node_id,
    name: row.name,
    subject: row.subject,
    thumbprint: row.thumbprint,
    thumbprintSha256: row.thumbprint_sha256,
    notBefore: row.not_before.toISOString(),
    notAfter: row.not_after.toISOString(),
    createdAt: row.created_at.toISOString(),
  }
}
