import { type Actor, requirePermission } from '../../core/actor.ts'
import { AppError, type FieldProblem } from '../../core/errors.ts'
import { within } from '../../core/hierarchy.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Sealed } from '../../core/secret.ts'
import type { Tx } from '../../store/scope.ts'
import { certificateType } from '../certificates/access.ts'
import { selectCertificate } from '../certificates/queries.ts'
import type { PolicyReach } from '../egress/reach.ts'
import type { Store } from '../operation/store.ts'
import { ownerOf } from './answer.ts'
import { type Context, checkDraft, type Draft, refused } from './draft.ts'
import type { Given, Values } from './fields.ts'
import { type Directory, resolveTenantId } from './microsoftTenant.ts'
import type { TenantRow } from './queries.ts'
import type { Proposal } from './rules.ts'

/** A domain in the place of the tenant id is looked up: what is stored is the id. */
export async function withTenantId(
  directory: Directory,
  given: Given,
  stored: Values,
): Promise<Given> {
  const text = given.values['graph.tenantId']
  if (typeof text !== 'string') return given
  const cloud = given.values['graph.cloud'] ?? stored['graph.cloud'] ?? 'global'
  const id = await resolveTenantId(directory, cloud, text)
  return { ...given, values: { ...given.values, 'graph.tenantId': id } }
}

/** All rules, with what they need from other rows: the certificate that the tenant names. */
export async function checkWithCertificate(
  tx: Tx,
  actor: Actor,
  rules: Rules,
  draft: Draft,
  nodePath: string,
  mayLackSecrets = false,
): Promise<FieldProblem[]> {
  const certificate = await chosenCertificate(tx, actor, draft, nodePath, 'graph.certificateId')
  await chosenCertificate(tx, actor, draft, nodePath, 'graph.secondCertificateId')
  return checkDraft(draft, { ...rules, certificate }, mayLackSecrets)
}

type Rules = Omit<Context, 'certificate'>

/** What a tenant is measured by besides its own rows. */
export function rulesOf(
  { clock }: Store,
  { clouds }: Directory,
  policy: PolicyReach | undefined,
): Rules {
  return { policy, clouds: [...clouds.keys()], nowMs: clock.now() }
}

async function chosenCertificate(
  tx: Tx,
  actor: Actor,
  draft: Draft,
  nodePath: string,
  field: 'graph.certificateId' | 'graph.secondCertificateId',
): Promise<Proposal['certificate']> {
  const certificateId = draft.values[field]
  if (certificateId === undefined) return undefined
  const chosen = await selectCertificate(tx, certificateId, 'share')
  if (draft.changed.includes(field)) {
    if (chosen === undefined) {
      const problem = 'names no certificate within your scope.'
      throw refused([{ field, problem }], { beyondScope: true })
    }
    requirePermission(actor, 'Read', certificateType, chosen.node_path)
    if (!within(nodePath, chosen.node_path)) {
      const problem = "must be a certificate of the tenant's own node or of one above it."
      throw refused([{ field, problem }])
    }
  }
  // One that was chosen before may belong to a node above the actor's scope: it stays chosen.
  return chosen && { thumbprint: chosen.thumbprint, thumbprintSha256: chosen.thumbprint_sha256 }
}

/** Which Microsoft tenant it is. To be asked after the rules. */
export function identityOf({ values }: Draft): { cloud: string; microsoftTenantId: string } {
  const { 'graph.cloud': cloud, 'graph.tenantId': microsoftTenantId } = values
  if (cloud !== undefined && microsoftTenantId !== undefined) return { cloud, microsoftTenantId }
  throw new AppError('internal', 'A tenant passed its rules without cloud and tenant id.')
}

/**
 * For the audit, what was and is of each secret that the draft sets or drops: fingerprints, by
 * which it shows that a secret came back, or is another, without telling it.
 */
export async function secretChanges(
  tx: Tx,
  { vault }: Store,
  row: TenantRow,
  { put, drop }: Draft,
): Promise<JsonObject> {
  const owner = ownerOf(row.id)
  const changes: JsonObject = {}
  for (const field of new Set([...put.keys(), ...drop])) {
    const print = async (secret: Sealed | undefined) =>
      secret ? await vault.fingerprint(tx, owner, row.node_path, field, secret) : null
    const before = await print(await vault.get(tx, { owner, field }))
    const after = await print(put.get(field))
    if (before !== after) changes[field] = { before, after }
  }
  return changes
}

export async function writeSecrets(
  tx: Tx,
  { vault }: Store,
  row: TenantRow,
  draft: Draft,
): Promise<void> {
  const owner = ownerOf(row.id)
  for (const path of draft.drop) await vault.drop(tx, owner, path)
  for (const [path, secret] of draft.put) await vault.put(tx, owner, row.node_path, path, secret)
}

export function readName(text: string): string {
  const name = text.trim()
  if (name === '') throw refused([{ field: 'name', problem: 'is empty.' }])
  return name
}
