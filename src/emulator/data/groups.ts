import type { Random } from '../../core/clock.ts'
import type { JsonObject } from '../../core/json.ts'
import { addOrdered } from '../directory/ordered.ts'
import { type Group, textOf, type User } from '../directory/types.ts'
import { integerBetween, pick, pickSkewed, pickWeighted, randomGuid } from '../random.ts'
import { departments } from './jobs.ts'
import { addressPart } from './names.ts'
import { offices } from './offices.ts'

export interface GroupPlan {
  count: number
  /** Of every group; undefined: as it happens. */
  members: number | undefined
  random: Random
  users: readonly User[]
  domain: string
  firstSeq: number
}

type Kind = 'microsoft365' | 'team' | 'security' | 'mailSecurity' | 'distribution' | 'dynamic'

const kinds: readonly [{ weight: number; kind: Kind }, ...{ weight: number; kind: Kind }[]] = [
  { weight: 20, kind: 'microsoft365' },
  { weight: 16, kind: 'team' },
  { weight: 40, kind: 'security' },
  { weight: 8, kind: 'mailSecurity' },
  { weight: 10, kind: 'distribution' },
  { weight: 6, kind: 'dynamic' },
]

const projects =
  'Falcon,Aurora,Nordlicht,Phoenix,Atlas,Mercury,Orion,Horizon,Zephyr,Quartz,Juniper,Tempo'
const topics = [
  'VPN Users',
  'Printers',
  'Licences',
  'Remote Desktop',
  'Wi-Fi',
  'Shared Mailboxes',
] as const
const nestedShare = 0.08

/** Groups of all kinds, most of them small and a few very large, with owners and some nesting. */
export function makeGroups(plan: GroupPlan): Group[] {
  const groups: Group[] = []
  const nicknames = new Map<string, number>()
  const teams = Map.groupBy(plan.users, (user) =>
    teamKey(textOf(user, 'department'), textOf(user, 'city')),
  )
  for (let index = 0; index < plan.count; index++) {
    const { kind } = pickWeighted(plan.random, kinds)
    const department = pick(plan.random, departments).name
    const city = pickCity(plan.random)
    const data = groupData(plan, kind, department, city, nicknames)
    const members =
      kind === 'dynamic' && plan.members === undefined
        ? (teams.get(teamKey(department, city)) ?? [])
        : sample(plan, plan.members ?? groupSize(plan))
    groups.push({
      seq: plan.firstSeq + index,
      id: String(data.id),
      type: 'group',
      data,
      members: [...members],
      owners: kind === 'dynamic' ? [] : sample(plan, integerBetween(plan.random, 0, 3)),
    })
  }
  if (plan.members === undefined) nest(plan, groups)
  return groups
}

function groupData(
  plan: GroupPlan,
  kind: Kind,
  department: string,
  city: string,
  nicknames: Map<string, number>,
): JsonObject {
  const { random } = plan
  const name = groupName(random, kind, department, city)
  const alias = addressPart(name.replaceAll(' ', '-')) || 'group'
  const before = nicknames.get(alias) ?? 0
  nicknames.set(alias, before + 1)
  const nickname = before === 0 ? alias : `${alias}${before + 1}`
  const unified = kind === 'microsoft365' || kind === 'team'
  const mailEnabled = unified || kind === 'mailSecurity' || kind === 'distribution'
  const mail = mailEnabled ? `${nickname}@${plan.domain}` : null
  const created = Date.UTC(2026, 9, 1) - integerBetween(random, 1, 3_000) * 86_400_000
  const createdText = `${new Date(created).toISOString().slice(0, 19)}Z`
  return {
    id: randomGuid(random),
    deletedDateTime: null,
    createdDateTime: createdText,
    description: random() < 0.7 ? `${name}: members and owners by ${department}` : null,
    displayName: before === 0 || random() < 0.5 ? name : `${name} ${before + 1}`,
    groupTypes: unified ? ['Unified'] : kind === 'dynamic' ? ['DynamicMembership'] : [],
    mail,
    mailEnabled,
    mailNickname: nickname,
    membershipRule:
      kind === 'dynamic'
        ? `(user.department -eq "${department}") and (user.city -eq "${city}")`
        : null,
    membershipRuleProcessingState: kind === 'dynamic' ? 'On' : null,
    proxyAddresses: mail === null ? [] : [`SMTP:${mail}`],
    renewedDateTime: createdText,
    resourceProvisioningOptions: kind === 'team' ? ['Team'] : [],
    securityEnabled: kind !== 'distribution' && kind !== 'microsoft365',
    visibility: unified ? (random() < 0.6 ? 'Private' : 'Public') : null,
  }
}

function teamKey(department: string, city: string): string {
  return `${department}/${city}`
}

function pickCity(random: Random): string {
  const [first = '', ...rest] = offices.map((office) => office.city)
  return pickSkewed(random, [first, ...rest])
}

function groupName(random: Random, kind: Kind, department: string, city: string): string {
  switch (kind) {
    case 'microsoft365':
    case 'team':
      return random() < 0.5 ? `Project ${pickProject(random)}` : `${department} ${city}`
    case 'security':
      return random() < 0.5 ? `SG ${pick(random, topics)} ${city}` : `SG ${department} ${city}`
    case 'mailSecurity':
      return `${department} ${city} Access`
    case 'distribution':
      return `DL ${department} ${city}`
    case 'dynamic':
      return `All ${department} ${city}`
  }
}

function pickProject(random: Random): string {
  const [first = '', ...rest] = projects.split(',')
  return pick(random, [first, ...rest])
}

/** Half of the groups have fewer than nine members; one in a few hundred has a good part of all. */
function groupSize(plan: GroupPlan): number {
  const size = Math.floor(4 / (1 - plan.random()) ** 0.95)
  return Math.min(size, Math.ceil(plan.users.length / 3))
}

function sample(plan: GroupPlan, size: number): User[] {
  const chosen: User[] = []
  const { users, random } = plan
  const wanted = Math.min(size, users.length)
  const indices = new Set<number>()
  while (indices.size < wanted) indices.add(Math.floor(random() * users.length))
  for (const index of [...indices].sort((a, b) => a - b)) {
    const user = users[index]
    if (user !== undefined) chosen.push(user)
  }
  return chosen
}

/** Groups hold only groups that come after them, so that no group holds itself. */
function nest(plan: GroupPlan, groups: readonly Group[]): void {
  const nestable = groups.filter((group) => group.data.securityEnabled === true)
  for (const [index, group] of nestable.entries()) {
    if (group.data.membershipRule !== null || plan.random() >= nestedShare) continue
    for (let count = integerBetween(plan.random, 1, 4); count > 0; count--) {
      const inner = nestable[integerBetween(plan.random, index + 1, nestable.length)]
      if (inner !== undefined) addOrdered(group.members, inner)
    }
  }
}
