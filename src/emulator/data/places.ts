import type { Random } from '../../core/clock.ts'
import type { Place } from '../directory/types.ts'
import { integerBetween, pick, pickSkewed, randomGuid } from '../random.ts'
import { addressPart } from './names.ts'
import { type Office, offices } from './offices.ts'

export interface PlacePlan {
  /** People of the tenant: rooms are made for so many. */
  users: number
  random: Random
  domain: string
}

const usersPerRoom = 6
const roomsMax = 2_000
const names = ['Aspen', 'Birch', 'Cedar', 'Dogwood', 'Elm', 'Fir', 'Hazel', 'Larch'] as const
const sizes = [4, 6, 8, 12, 20] as const
const features = ['Whiteboard', 'Window', 'Height-adjustable table', 'Daylight'] as const

/** Meeting rooms in the offices of a tenant, and a room list for each office with rooms. */
export function makePlaces(plan: PlacePlan): Place[] {
  const [first, ...rest] = offices
  if (first === undefined) return []
  const count = Math.min(Math.ceil(plan.users / usersPerRoom), roomsMax)
  const sites = Array.from({ length: count }, () => pickSkewed(plan.random, [first, ...rest]))
  const rooms = sites.map((office, index) => makeRoom(plan, office, index + 1))
  const lists = [...new Set(sites)].map((office, index) =>
    makeList(plan, office, count + index + 1),
  )
  return [...rooms, ...lists]
}

function makeRoom({ random, domain }: PlacePlan, office: Office, seq: number): Place {
  const floor = integerBetween(random, 0, 9)
  const name = `${pick(random, names)} ${seq}`
  const id = randomGuid(random)
  const data = {
    id,
    placeId: id,
    ...whereabouts(office),
    displayName: `${office.city} ${name}`,
    emailAddress: `${addressPart(`room-${office.city}-${name}`)}@${domain}`,
    nickname: name,
    label: `${name}, floor ${floor}`,
    capacity: pick(random, sizes),
    building: `${office.city} Office`,
    floorNumber: floor,
    floorLabel: `${floor}`,
    bookingType: random() < 0.9 ? 'standard' : 'reserved',
    audioDeviceName: random() < 0.5 ? 'Ceiling microphone' : null,
    videoDeviceName: random() < 0.6 ? 'Room camera' : null,
    displayDeviceName: random() < 0.7 ? 'Wall screen' : null,
    isWheelChairAccessible: random() < 0.8,
    tags: random() < 0.5 ? [pick(random, features)] : [],
    parentId: null,
    teamsEnabledState: random() < 0.5 ? 'enabled' : 'disabled',
  }
  return { seq, id, type: 'room', data, building: office.city }
}

function makeList({ random, domain }: PlacePlan, office: Office, seq: number): Place {
  const id = randomGuid(random)
  const data = {
    id,
    placeId: id,
    ...whereabouts(office),
    displayName: `${office.city} Rooms`,
    emailAddress: `${addressPart(`rooms-${office.city}`)}@${domain}`,
    isWheelChairAccessible: null,
    label: null,
    parentId: null,
    tags: [],
  }
  return { seq, id, type: 'roomList', data, building: office.city }
}

function whereabouts({ city, state, country, postalCode, street, phone }: Office) {
  const address = { city, countryOrRegion: country, postalCode, state, street }
  return { address, geoCoordinates: null, phone: `${phone} 0100` }
}
