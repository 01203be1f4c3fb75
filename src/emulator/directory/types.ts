import type { Clock, Random } from '../../core/clock.ts'
import type { JsonObject } from '../../core/json.ts'
import type { CloudName } from '../clouds.ts'
import type { ReplicaLag } from '../options.ts'
import type { ChangeLog } from './changes.ts'
import type { Product } from './skus.ts'

/** Anything Graph can list. `type` is the catalogue's entity type; `data` what is stored of it. */
export interface Entity {
  readonly seq: number
  readonly id: string
  readonly type: string
  readonly data: JsonObject
}

export interface User extends Entity {
  readonly type: 'user'
  manager: User | undefined
}

export interface Group extends Entity {
  readonly type: 'group'
  readonly members: DirectoryObject[]
  readonly owners: User[]
}

export type DirectoryObject = User | Group

export interface Sku {
  product: Product
  enabledUnits: number
  subscriptionId: string
}

/** A secret of the application. An emulated one: it is made to be printed. */
export interface ClientSecret {
  keyId: string
  text: string
  displayName: string
  startsAt: number
  endsAt: number
}

export interface ClientCertificate {
  keyId: string
  pem: string
  /** SHA-1 and SHA-256 of the DER form, base64url: the `x5t` and `x5t#S256` of an assertion. */
  thumbprint1: string
  thumbprint256: string
  subject: string
  startsAt: number
  endsAt: number
}

/** The one registered application of the tenant, with what it has been granted. */
export interface AppRegistration {
  clientId: string
  objectId: string
  servicePrincipalId: string
  displayName: string
  secrets: ClientSecret[]
  certificates: ClientCertificate[]
  /** Names of application permissions: those it has, and those consent gives it. */
  roles: string[]
  requiredRoles: string[]
  /** Undefined: the tenant does not know the application (yet). */
  consentedAt: number | undefined
  /** Where an administrator is sent back to; none: wherever the request says. */
  redirectUris: readonly string[]
  /** Display names of directory roles. */
  directoryRoles: string[]
}

/** A directory role held by a person or by a service principal. */
export interface RoleAssignment {
  id: string
  principalId: string
  roleTemplateId: string
}

export interface Licence {
  skuId: string
  disabledPlans: string[]
}

/** A licence a person has, or should have, from a group. */
export interface InheritedLicence extends Licence {
  groupId: string
  /** Why it is not there, in the words of `licenseAssignmentStates`. */
  error: 'None' | 'CountViolation' | 'MutuallyExclusiveViolation' | 'DependencyViolation'
  /** Since when it is so. */
  at: string
}

/** Of a person with licences from groups; `assignedLicenses` then holds what is from both. */
export interface Licensing {
  direct: readonly Licence[]
  inherited: readonly InheritedLicence[]
}

/** Something about licences from groups that is to be looked at, see licenceWork.ts. */
export interface LicenceWork {
  dueAt: number
  /** Who is looked at: one person, or everybody whom the group gives or gave a licence. */
  userId: string | undefined
  /** Whose processing is done with it. */
  groupId: string | undefined
}

/** What is needed to bring a deleted object back as it was. */
export interface DeletedObject {
  object: DirectoryObject
  deletedAt: number
  /** Deleting changes a person's, to free the name. */
  userPrincipalName: string
  memberOf: Group[]
  ownerOf: Group[]
  directReports: User[]
}

/** A room, or a list of the rooms of one building. */
export interface Place extends Entity {
  /** Which lists hold it: those of its building. */
  readonly building: string
}

/**
 * What a tenant holds beside people and groups, in small numbers. Most of it is made when it is
 * asked for; what has been written to it since, and what is gone, is kept here by id.
 */
export interface Others {
  readonly places: readonly Place[]
  readonly written: Map<string, JsonObject>
  readonly gone: Set<string>
}

/** What an object was before a change; undefined when it was not there. */
interface PastVersion {
  id: string
  before: DirectoryObject | undefined
  now: DirectoryObject
  at: number
  /** Where the change stands in the log of changes. */
  position: number
  /** After so many milliseconds each replica knows it, and at last the index of queries. */
  lagsMs: readonly number[]
  eventualLagMs: number
}

/** A directory whose reads come from copies that learn of a write a while after it. */
export interface Replicas {
  readonly lag: ReplicaLag
  readonly clock: Clock
  /** Chooses lags and the replica that answers; depends on the seed of the tenant. */
  readonly random: Random
  past: PastVersion[]
}

/** What is asked of a map; a replica lays its own knowledge over one. */
export interface Index<T> {
  get(key: string): T | undefined
  set(key: string, value: T): unknown
  delete(key: string): boolean
}

export interface Tenant {
  readonly id: string
  readonly seed: number
  readonly displayName: string
  /** `name.onmicrosoft.com`. */
  readonly initialDomain: string
  /** All verified ones; the first is the default. */
  readonly domains: readonly string[]
  readonly countryCode: string
  readonly cloud: CloudName
  readonly app: AppRegistration
  readonly users: User[]
  readonly groups: Group[]
  readonly byId: Index<DirectoryObject>
  readonly byUpn: Index<User>
  readonly deleted: Map<string, DeletedObject>
  readonly skus: Sku[]
  /** By the id of the person; only of those whom groups give licences. */
  readonly licensing: Map<string, Licensing>
  licenceWork: LicenceWork[]
  /** How long after it was asked for a group's licensing is done. */
  licenceDelayMs: number
  readonly clock: Clock
  readonly roleAssignments: RoleAssignment[]
  /** What it administers in the tenants of customers (GDAP); none unless asked for. */
  delegations: Entity[]
  readonly servicePrincipalIds: { graph: string; exchange: string }
  readonly others: Others
  readonly changes: ChangeLog
  /** For what is made after the start; depends on the seed as everything does. */
  readonly random: Random
  lastSeq: number
  tokenSeconds: number
  /** Undefined: no budgets. See TenantSpec. */
  budgetShare: number | undefined
  /** Undefined: every read sees every write. */
  replicas: Replicas | undefined
}

export function nextSeq(tenant: { lastSeq: number }): number {
  tenant.lastSeq += 1
  return tenant.lastSeq
}

/** The text of a stored property, or the empty text when it has none. */
export function textOf(entity: Entity, property: string): string {
  const value = entity.data[property]
  return typeof value === 'string' ? value : ''
}
