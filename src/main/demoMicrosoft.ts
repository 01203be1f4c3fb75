import { readFile } from 'node:fs/promises'
import { Agent, fetch } from 'undici'
import { AppError } from '../core/errors.ts'
import { isJsonObject } from '../core/json.ts'
import type { EmulatedTenant } from './children.ts'

/** The emulated Microsoft 365 of the demo. */
export interface DemoMicrosoft {
  emulator: string
  caFile: string
  tenant: EmulatedTenant
}

/**
 * The department of a person as Microsoft has it: asked there directly, past everything of ours
 * that the demo shows.
 */
export async function departmentAtMicrosoft(world: DemoMicrosoft, key: string): Promise<unknown> {
  const { tenant, emulator } = world
  const dispatcher = new Agent({ connect: { ca: await readFile(world.caFile, 'utf8') } })
  const ask = async (path: string, init: Parameters<typeof fetch>[1]): Promise<unknown> => {
    const answer = await fetch(`${emulator}/${path}`, { ...init, dispatcher })
    return answer.json()
  }
  try {
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: tenant.clientId,
      client_secret: tenant.clientSecret,
      scope: 'https://graph.microsoft.com/.default',
    })
    const token = await ask(`${tenant.tenantId}/oauth2/v2.0/token`, { method: 'POST', body })
    if (!isJsonObject(token)) throw new AppError('internal', 'The emulator gave no token.')
    const headers = { authorization: `Bearer ${token.access_token}` }
    const person = await ask(`v1.0/users/${key}?$select=department`, { headers })
    return isJsonObject(person) ? person.department : undefined
  } finally {
    await dispatcher.close()
  }
}
