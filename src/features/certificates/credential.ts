import type { CertificateCredential } from '../../connectors/microsoft/application.ts'
import { within } from '../../core/hierarchy.ts'
import { inScope } from '../../store/scope.ts'
import type { Store } from '../operation/store.ts'
import { ownerOf, privateKeyField } from './access.ts'
import { selectCertificate } from './queries.ts'

/**
 * A certificate with its private key, for a tenant at `nodePath`; undefined when there is none of
 * that id at the node or above it. Read from the top of the tree, because a certificate may belong
 * to a node above the scope in which the tenant is worked on; who may choose one was checked when
 * it was chosen.
 */
export async function openCredential(
  { db, vault }: Store,
  certificateId: number,
  nodePath: string,
): Promise<CertificateCredential | undefined> {
  const top = nodePath.slice(0, nodePath.indexOf('.') + 1)
  return await inScope(db, top, async (tx) => {
    const row = await selectCertificate(tx, certificateId)
    if (row === undefined || !within(nodePath, row.node_path)) return undefined
    const ref = { owner: ownerOf(row.id), field: privateKeyField }
    const privateKeyPem = await vault.get(tx, ref)
    return privateKeyPem && { privateKeyPem, certificatePem: row.public_pem }
  })
}
