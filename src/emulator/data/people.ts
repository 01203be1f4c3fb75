import type { Random } from '../../core/clock.ts'
import type { JsonObject } from '../../core/json.ts'
import { dateText } from '../dates.ts'
import { personData } from '../directory/personData.ts'
import type { User } from '../directory/types.ts'
import { integerBetween, pick, pickSkewed, pickWeighted, randomGuid } from '../random.ts'
import type { Arrivals } from './arrivals.ts'
import type { NamePicker } from './initials.ts'
import { type Department, departments } from './jobs.ts'
import type { LicencePicker } from './licences.ts'
import { addressPart, type Language, languages, names } from './names.ts'
import { type Office, offices } from './offices.ts'

export interface PeoplePlan {
  count: number
  random: Random
  companyName: string
  initialDomain: string
  /** Verified domains, the default one first. */
  domains: readonly [string, ...string[]]
  pickLicences: LicencePicker
  pickName: NamePicker
  arrivals: Arrivals
}

const day = 86_400_000
/** Dates are counted back from here and not from now, so that equal seeds give equal people. */
export const newest = Date.UTC(2026, 9, 1)
const disabledShare = 0.04
const guestShare = 0.06
const withoutManagerShare = 0.02
/** People one manager has, about. */
const span = 8
const guestHomes = ['fabrikam.example', 'adatum.example', 'northwind.example'] as const

/** The people of a tenant: members and guests, each with a manager somewhere above. */
export function makePeople(plan: PeoplePlan): User[] {
  const sites = officesFor(plan.count)
  const taken = new Map<string, number>()
  const teams = new Map<Department, User[]>()
  const users: User[] = []
  let chief: User | undefined
  for (let index = 0; index < plan.count; index++) {
    const guest = index > 2 && plan.random() < guestShare
    const department = pickWeighted(plan.random, departments)
    const team = teams.get(department) ?? []
    const rank = team.length
    const data = guest
      ? guestData(plan, taken)
      : memberData(plan, taken, index, pickWeighted(plan.random, sites), department, rank)
    const user: User = {
      seq: index + 1,
      id: String(data.id),
      type: 'user',
      data,
      manager: undefined,
    }
    users.push(user)
    if (guest) continue
    const head = team[Math.floor((rank - 1) / span)] ?? chief
    if (plan.random() >= withoutManagerShare) user.manager = head
    team.push(user)
    teams.set(department, team)
    chief ??= user
  }
  return users
}

/** A small company sits in one or two places, a large one in all. */
function officesFor(count: number): [Office, ...Office[]] {
  const places = count <= 50 ? 2 : count <= 500 ? 5 : offices.length
  const [first, ...others] = offices.slice(0, places)
  if (first === undefined) throw new Error('The list of offices is empty.')
  return [first, ...others]
}

function memberData(
  plan: PeoplePlan,
  taken: Map<string, number>,
  index: number,
  office: Office,
  department: Department,
  rank: number,
): JsonObject {
  const { random } = plan
  const { given, family } = drawName(plan, office.language)
  const alias = uniqueAlias(taken, `${addressPart(given)}.${addressPart(family)}`)
  const upn = flat(alias, '@', pickSkewed(random, plan.domains))
  const enabled = random() >= disabledShare
  const { assignedLicenses, mailbox } = plan.pickLicences(random, enabled)
  const hired = newest - integerBetween(random, 20, 5_000) * day
  return personData(randomGuid(random), {
    accountEnabled: enabled,
    assignedLicenses,
    businessPhones: random() < 0.9 ? [flat(office.phone, ' ', extension(index))] : [],
    city: office.city,
    companyName: plan.companyName,
    country: office.country,
    createdDateTime: dateText(plan.arrivals(hired, random())),
    department: department.name,
    displayName: flat(given, ' ', family),
    employeeHireDate: dateText(hired),
    employeeId: random() < 0.95 ? String(100_001 + index) : null,
    employeeType: random() < 0.9 ? 'Employee' : 'Contractor',
    givenName: given,
    jobTitle: titleAt(random, department, rank),
    lastPasswordChangeDateTime: dateText(newest - integerBetween(random, 0, 400) * day),
    mail: mailbox ? upn : null,
    mailNickname: alias,
    mobilePhone:
      random() < 0.75 ? flat(office.mobile, ' ', integerBetween(random, 1000, 9999)) : null,
    officeLocation: flat(
      office.city,
      ' ',
      integerBetween(random, 1, 12),
      '.',
      integerBetween(random, 1, 40),
    ),
    passwordPolicies: random() < 0.1 ? 'DisablePasswordExpiration' : null,
    postalCode: office.postalCode,
    preferredLanguage: random() < 0.7 ? office.locale : null,
    state: office.state,
    streetAddress: office.street,
    surname: family,
    usageLocation: office.code,
    userPrincipalName: upn,
    userType: 'Member',
  })
}

function guestData(plan: PeoplePlan, taken: Map<string, number>): JsonObject {
  const { random } = plan
  const { given, family } = drawName(plan, 'en')
  const home = pick(random, guestHomes)
  const local = uniqueAlias(taken, `${addressPart(given)}.${addressPart(family)}_${home}`)
  const invited = newest - integerBetween(random, 5, 1_500) * day
  const accepted = random() < 0.8
  return personData(randomGuid(random), {
    accountEnabled: true,
    assignedLicenses: [],
    createdDateTime: dateText(invited),
    creationType: 'Invitation',
    displayName: random() < 0.8 ? `${given} ${family}` : `${given} ${family} (Guest)`,
    externalUserState: accepted ? 'Accepted' : 'PendingAcceptance',
    externalUserStateChangeDateTime: dateText(invited + (accepted ? 2 * day : 0)),
    givenName: random() < 0.5 ? given : null,
    mail: `${local.replace('_', '@')}`,
    mailNickname: `${local}#EXT#`,
    surname: random() < 0.5 ? family : null,
    userPrincipalName: `${local}#EXT#@${plan.initialDomain}`,
    userType: 'Guest',
  })
}

/** Mostly as people are called where the office is, with others among them. */
function drawName(
  { random, pickName }: PeoplePlan,
  local: Language,
): { given: string; family: string } {
  const language = random() < 0.8 ? local : pick(random, languages)
  const { given, family } = names[language]
  return { given: pickName(random, given), family: pickSkewed(random, family) }
}

function uniqueAlias(taken: Map<string, number>, alias: string): string {
  const before = taken.get(alias) ?? 0
  taken.set(alias, before + 1)
  return before === 0 ? alias : `${alias}${before + 1}`
}

function titleAt(random: Random, department: Department, rank: number): string {
  const [head, lead, first, ...others] = department.titles
  if (rank === 0) return head
  if (rank <= span) return lead
  return pick(random, [first, ...others])
}

/** Two groups of digits, so that no two people of a tenant share a number. */
function extension(index: number): string {
  const digits = String(index + 1).padStart(6, '0')
  return `${digits.slice(0, 2)} ${digits.slice(2)}`
}

/**
 * Put together at once: of a template, or of what is cut out of a text, V8 keeps the pieces, which
 * for a million people are half a gigabyte.
 */
function flat(...pieces: (string | number)[]): string {
  return pieces.join('')
}
