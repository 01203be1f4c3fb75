import type { Clock, Random } from '../../core/clock.ts'
import { newChangeLog } from '../directory/changes.ts'
import { readCertificate } from '../directory/clientCertificate.ts'
import { newOthers } from '../directory/others.ts'
import { newReplicas } from '../directory/replicas.ts'
import { directoryRoleIds } from '../directory/roles.ts'
import type {
  AppRegistration,
  DirectoryObject,
  Group,
  RoleAssignment,
  Tenant,
  User,
} from '../directory/types.ts'
import { textOf } from '../directory/types.ts'
import type { TenantSpec } from '../options.ts'
import { pick, pickSkewed, randomGuid, seededRandom } from '../random.ts'
import { makeArrivals } from './arrivals.ts'
import { makeGroups } from './groups.ts'
import { skewedInitials } from './initials.ts'
import { boughtSkus, licencePicker } from './licences.ts'
import { addressPart } from './names.ts'
import { makePeople, newest } from './people.ts'
import { makePlaces } from './places.ts'

const usersPerGroup = 14
const year = 365 * 86_400_000
const companies = [
  'Contoso',
  'Litware',
  'Tailspin',
  'Wingtip',
  'Proseware',
  'Alpine',
  'Lucerne',
  'Trey',
] as const

/** Everything an application needs to read what Patchbay reads and to write what it writes. */
const defaultRoles: readonly string[] = [
  'User.ReadWrite.All',
  'User-PasswordProfile.ReadWrite.All',
  'User.EnableDisableAccount.All',
  'User.DeleteRestore.All',
  'Group.ReadWrite.All',
  'Organization.Read.All',
  'Organization.ReadWrite.All',
  'Domain.Read.All',
  'Domain.ReadWrite.All',
  'Place.Read.All',
  'Place.ReadWrite.All',
  'Team.ReadBasic.All',
  'TeamSettings.ReadWrite.All',
  'LicenseAssignment.ReadWrite.All',
  'Directory.Read.All',
  'Application.Read.All',
  'RoleManagement.Read.Directory',
  'Exchange.ManageAsApp',
]

/** A whole tenant from its specification: equal ones give equal objects with equal ids. */
export function makeTenant(spec: TenantSpec, clock: Clock): Tenant {
  const { seed } = spec
  const now = clock.now()
  const random = seededRandom(seed, 'tenant')
  const company = spec.displayName ?? `${pick(random, companies)} ${seed}`
  const name = spec.domain?.split('.')[0] ?? addressPart(company)
  const initialDomain = spec.domain ?? `${name}.onmicrosoft.com`
  const domains: [string, ...string[]] = [`${name}.example`, initialDomain, `labs.${name}.example`]
  const users = makePeople({
    count: spec.users,
    random: seededRandom(seed, 'people'),
    companyName: company,
    initialDomain,
    domains,
    pickLicences: licencePicker(),
    pickName: spec.names === undefined ? pickSkewed : skewedInitials(spec.names.seed),
    arrivals: makeArrivals(seededRandom(spec.names?.seed ?? seed, 'arrivals'), spec.users, newest),
  })
  const groups = makeGroups({
    count: spec.groups ?? Math.ceil(spec.users / usersPerGroup),
    members: spec.groupMembers,
    random: seededRandom(seed, 'groups'),
    users,
    domain: domains[0],
    firstSeq: users.length + 1,
  })
  const id = spec.tenantId ?? randomGuid(random)
  const app = makeApp(spec, random, now)
  const { byId, byUpn } = indexed(users, groups)
  return {
    id,
    seed,
    displayName: company,
    initialDomain,
    domains,
    cloud: spec.cloud ?? 'global',
    countryCode: users[0] === undefined ? 'US' : textOf(users[0], 'usageLocation'),
    app,
    users,
    groups,
    byId,
    byUpn,
    deleted: new Map(),
    skus: boughtSkus(users, random),
    licensing: new Map(),
    licenceWork: [],
    licenceDelayMs: spec.licenceDelayMs ?? 0,
    clock,
    roleAssignments: administrators(users, random),
    delegations: [],
    servicePrincipalIds: { graph: randomGuid(random), exchange: randomGuid(random) },
    others: newOthers(
      makePlaces({
        users: spec.users,
        random: seededRandom(seed, 'places'),
        domain: domains[0],
      }),
    ),
    changes: newChangeLog(),
    random: seededRandom(seed, 'later'),
    lastSeq: users.length + groups.length,
    tokenSeconds: spec.tokenSeconds ?? 3599,
    budgetShare: spec.budgetShare,
    replicas: newReplicas(spec.lag, seed, clock),
  }
}

/** Set one by one: of a million people, the pairs that a Map is made from are 150 MB. */
function indexed(users: readonly User[], groups: readonly Group[]) {
  const byId = new Map<string, DirectoryObject>()
  const byUpn = new Map<string, User>()
  for (const user of users) {
    byId.set(user.id, user)
    byUpn.set(textOf(user, 'userPrincipalName').toLowerCase(), user)
  }
  for (const group of groups) byId.set(group.id, group)
  return { byId, byUpn }
}

function makeApp(spec: TenantSpec, random: Random, now: number): AppRegistration {
  const clientId = spec.clientId ?? randomGuid(random)
  const required = spec.roles ?? defaultRoles
  return {
    clientId,
    objectId: randomGuid(random),
    servicePrincipalId: randomGuid(random),
    displayName: 'Patchbay',
    secrets: [
      {
        keyId: randomGuid(random),
        text: spec.secret ?? makeSecret(random),
        displayName: 'first',
        startsAt: now - 86_400_000,
        endsAt: now + (spec.secretDays === undefined ? year : spec.secretDays * 86_400_000),
      },
    ],
    certificates: (spec.certificates ?? []).flatMap(
      (pem) => readCertificate(pem, randomGuid(random)) ?? [],
    ),
    roles: spec.consented === false ? [] : [...required],
    requiredRoles: [...required],
    consentedAt: spec.consented === false ? undefined : newest - year,
    redirectUris: spec.redirectUris ?? [],
    directoryRoles: [...(spec.directoryRoles ?? ['Teams Administrator', 'Exchange Administrator'])],
  }
}

/** Looks like the portal's: three characters, `8Q~`, and noise. */
export function makeSecret(random: Random): string {
  const noise = `${randomGuid(random)}${randomGuid(random)}`.replaceAll('-', '')
  return `${noise.slice(0, 3)}8Q~${noise.slice(3, 37)}`
}

/** A few people hold directory roles, as the first of a company do. */
function administrators(users: readonly User[], random: Random): RoleAssignment[] {
  const roles = ['Global Administrator', 'User Administrator', 'Global Reader']
  return roles.flatMap((role, index) => {
    const user = users[index]
    const roleTemplateId = directoryRoleIds[role]
    if (user === undefined || roleTemplateId === undefined) return []
    return [{ id: randomGuid(random), principalId: user.id, roleTemplateId }]
  })
}
