import permissionsJson from './data/graph-permissions.json' with { type: 'json' }

/** The application ids under which Microsoft's own services stand in every tenant. */
export const resourceAppIds = {
  graph: '00000003-0000-0000-c000-000000000000',
  exchange: '00000002-0000-0ff1-ce00-000000000000',
  teamsAdministration: '48ac35b8-9aa8-4d74-927d-1f4a14a0b239',
} as const

/** The one permission of Exchange's own service that an application administers it by. */
export const exchangeManageAsApp = {
  name: 'Exchange.ManageAsApp',
  id: 'dc50a0fb-09a3-484d-be87-e023b12c6440',
} as const

/** An application permission of Graph: `id` is what consent and the service principal hold. */
export interface AppRole {
  id: string
  name: string
  title: string
}

interface RawNeed {
  least: string
  alsoMarkedLeast?: string[]
  higher: string[]
}

interface RawId {
  Application?: string
  meta?: { Application?: { adminDisplayName: string } }
}

interface RawPermissions {
  operations: Record<string, { Application?: RawNeed }>
  permissionIds: Record<string, RawId>
}

// The inferred type of the file has one member per operation; this names what is read of it.
const raw = permissionsJson as unknown as RawPermissions

/**
 * The application permissions of which any one lets an application do `method` on a path such as
 * `/users/{id}`; least privileged first. Empty when the operation is not known.
 */
export function permissionsFor(method: string, pathTemplate: string): string[] {
  const need = needs().get(normalKey(`${method} ${pathTemplate}`))
  if (need === undefined) return []
  return [...new Set([need.least, ...(need.alsoMarkedLeast ?? []), ...need.higher].map(bareName))]
}

/** The id of an application permission (`User.Read.All`), or undefined. */
export function appRoleId(name: string): string | undefined {
  return name === exchangeManageAsApp.name ? exchangeManageAsApp.id : roles().byName.get(name)?.id
}

/** The name of an application permission by its id, or undefined. */
export function appRoleName(id: string): string | undefined {
  return id === exchangeManageAsApp.id ? exchangeManageAsApp.name : roles().byId.get(id)?.name
}

/** Every application permission of Graph itself that is known here. */
export function graphAppRoles(): readonly AppRole[] {
  return roles().all
}

const needs = once(() => {
  const found = new Map<string, RawNeed>()
  for (const [key, { Application }] of Object.entries(raw.operations)) {
    if (Application !== undefined) found.set(normalKey(key), Application)
  }
  return found
})

/** Not in the source although Graph has them: from the list merill/microsoft-info of 2026-08. */
const idsOutsideSource: Readonly<Record<string, string>> = {
  'LicenseAssignment.Read.All': 'e2f98668-2877-4f38-a2f4-8202e0717aa1',
  'Place.ReadWrite.All': 'f1f5e9aa-ad18-4b97-883e-6aa7e95b7a5f',
}

const roles = once(() => {
  const all: AppRole[] = []
  for (const [name, entry] of Object.entries(raw.permissionIds)) {
    // Empty where the source does not know it yet.
    const id = entry.Application || idsOutsideSource[name]
    if (!id) continue
    all.push({ id, name, title: entry.meta?.Application?.adminDisplayName ?? name })
  }
  return {
    all,
    byName: new Map(all.map((role) => [role.name, role])),
    byId: new Map(all.map((role) => [role.id, role])),
  }
})

/** Parameters count by place, not by name. */
function normalKey(key: string): string {
  return key.replace(/\{[^}]*\}/g, '{}')
}

/** The source writes combinations in brackets behind a name: `Application.Read.All (also ...)`. */
function bareName(text: string): string {
  return text.split(' ')[0] ?? text
}

function once<T>(build: () => T): () => T {
  let built: T | undefined
  return () => {
    built ??= build()
    return built
  }
}
