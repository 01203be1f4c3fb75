import { type Actor, type Operation, requirePermission } from '../../core/actor.ts'
import type { Tx } from '../../store/scope.ts'
import { notFound } from '../operation/notFound.ts'
import { type CertificateRow, selectCertificate } from './queries.ts'

/** The type by which access profiles name certificates. */
export const certificateType = 'data/Certificate'

export const privateKeyField = 'privateKey'

export function ownerOf(certificateId: number): string {
  return `certificate:${certificateId}`
}

/** The certificate, when the actor may do `operation` with it; `not-found`, `not-permitted`. */
export async function permittedCertificate(
  tx: Tx,
  actor: Actor,
  operation: Operation,
  certificateId: number,
  lock?: 'share' | 'update',
): Promise<CertificateRow> {
  const certificate = await selectCertificate(tx, certificateId, lock)
  if (certificate === undefined) throw notFound('certificate')
  requirePermission(actor, operation, certificateType, certificate.node_path)
  return certificate
}
