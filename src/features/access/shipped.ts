import { type Operation, operations, type Permission } from '../../core/actor.ts'
import type { NodeKind } from '../../core/hierarchy.ts'
import { canonicalJson } from '../../core/json.ts'
import type { Database } from '../../store/database.ts'
import { inScope } from '../../store/scope.ts'
import { rootPath } from '../hierarchy/root.ts'
import { record } from '../operation/record.ts'
import * as queries from './queries.ts'

const only = (type: string, ...allowed: Operation[]): Permission => ({ type, operations: allowed })
const everything: Permission = { type: '*', operations }

/**
 * Each holds all that the next one does, or the administrators of a node could not give roles below
 * it. Which tenants there are the provider decides, and what people with power at Microsoft lose.
 */
const reseller: readonly Permission[] = [
  everything,
  only('relation/MicrosoftTenant', 'Read', 'Update', 'Export', 'Execute'),
  only('data/AccessProfile', 'Read'),
  only('data/Role', 'Read'),
  only('data/Model', 'Read'),
  only('data/EgressPolicy', 'Read'),
  only('data/PrivilegedUser', 'Read'),
]
const site: readonly Permission[] = [
  ...reseller.filter(({ type }) => type !== 'relation/MicrosoftTenant'),
  only('relation/MicrosoftTenant', 'Read', 'Execute'),
  only('relation/HierarchyNode', 'Read'),
]

interface ShippedProfile {
  name: string
  description: string
  permissions: readonly Permission[]
}

export const shippedProfiles: readonly ShippedProfile[] = [
  {
    name: 'Provider administrator',
    description: 'Everything.',
    permissions: [everything],
  },
  {
    name: 'Reseller administrator',
    description: 'Everything at a reseller, but tenants are attached by the provider.',
    permissions: reseller,
  },
  {
    name: 'Customer administrator',
    description: 'Everything at a customer, but tenants are attached by the provider.',
    permissions: reseller,
  },
  {
    name: 'Site administrator',
    description: 'Everything at a site, but neither its place nor its tenants.',
    permissions: site,
  },
  {
    name: 'Operator',
    description: 'Reads everything but the audit.',
    permissions: [only('*', 'Read'), only('data/Audit')],
  },
  {
    name: 'Auditor',
    description: 'Reads and exports the audit, and reads who may do what; no objects of tenants.',
    permissions: [
      only('data/Audit', 'Read', 'Export'),
      only('data/*', 'Read'),
      only('relation/*', 'Read'),
    ],
  },
]

const kinds: readonly Exclude<NodeKind, 'intermediate'>[] = [
  'provider',
  'reseller',
  'customer',
  'site',
]

export const shippedRoles = kinds.flatMap((kind) => {
  const title = `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`
  return [
    { name: `${title} administrator`, profile: `${title} administrator`, kind },
    { name: `${title} operator`, profile: 'Operator', kind },
    { name: `${title} auditor`, profile: 'Auditor', kind },
  ]
})

const product = { id: 'system', name: 'Patchbay', kind: 'system' } as const

/**
 * Makes and brings up to date what is shipped, at each start. A name that somebody had given to a
 * profile or role of their own stays theirs, and what is shipped under it is left out.
 */
export async function bringShippedAccess(db: Database): Promise<void> {
  await inScope(db, rootPath, async (tx) => {
    await queries.lockShipped(tx)
    const known = new Map((await queries.selectShippedProfiles(tx)).map((row) => [row.name, row]))
    const due = shippedProfiles.filter((profile) => !isSame(profile, known.get(profile.name)))
    const roles = new Set(await queries.selectShippedRoleNames(tx))
    const dueRoles = shippedRoles.filter(({ name }) => !roles.has(name))
    if (due.length === 0 && dueRoles.length === 0) return
    const detail = {
      profiles: due.map(({ name }) => name),
      roles: dueRoles.map(({ name }) => name),
    }
    const entry = { nodePath: rootPath, action: 'access.ship', subject: 'profile', detail }
    await record(tx, product, entry)
    for (const profile of due) await queries.putShippedProfile(tx, profile)
    for (const role of dueRoles) await queries.addShippedRole(tx, role)
  })
}

function isSame(shipped: ShippedProfile, known: queries.ProfileRow | undefined): boolean {
  if (known === undefined) return false
  const textOf = ({ description, permissions }: ShippedProfile) =>
    canonicalJson([
      description,
      ...permissions.map(({ type, operations: allowed }) => ({ type, operations: [...allowed] })),
    ])
  return textOf(shipped) === textOf(known)
}
