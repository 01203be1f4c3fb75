import type { Tenant } from './types.ts'

/** From now on the application can sign in, with all the permissions it asks for. */
export function grantConsent({ app }: Tenant, now: number): void {
  app.roles = [...new Set([...app.roles, ...app.requiredRoles])]
  app.consentedAt = now
}

/** The tenant no longer knows the application. */
export function withdrawConsent({ app }: Tenant): void {
  app.roles = []
  app.consentedAt = undefined
}
