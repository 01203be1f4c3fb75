import pg from 'pg'
import { type Client, createClient } from '../../src/client/client.ts'
import { type Api, api } from '../../src/contract/api.ts'
import type { Permission } from '../../src/core/actor.ts'
import { Sealed } from '../../src/core/secret.ts'
import { systemClock } from '../store/testing.ts'
import { openBrowser } from './browser.ts'
import type { TestPatchbay } from './patchbay.ts'

export interface People {
  client: Client<Api>
  owner: pg.Client
  /** Somebody with a password, who may do `permissions` at and below the node. */
  add(login: string, given?: Given): Promise<{ id: number; password: string }>
  clientOf(token: string): Client<Api>
  close(): Promise<void>
}

interface Given {
  nodeId?: number
  permissions?: readonly Permission[]
  email?: string
}

const everything: Permission[] = [
  {
    type: '*',
    operations: [
      ...(['Create', 'Read', 'Update', 'Delete', 'Export', 'Bulk Update'] as const),
      ...(['Purge', 'Execute'] as const),
    ],
  },
]

export async function openPeople({ url, token, databaseUrl }: TestPatchbay): Promise<People> {
  const owner = new pg.Client({
    connectionString: databaseUrl.reveal(),
    options: '-c search_path=patchbay',
  })
  await owner.connect()
  const clientOf = (text: string) =>
    createClient(api, { baseUrl: url, token: new Sealed(text), fetch, clock: systemClock })
  const client = clientOf(token)
  return {
    ...{ client, owner, clientOf },
    async add(login, { nodeId = 1, permissions = everything, email } = {}) {
      const body = { nodeId, login, name: `${login} the person`, ...(email && { email }) }
      const { id } = await client.person.create({ body })
      if (permissions.length > 0) await grant(owner, id, nodeId, permissions)
      const { invitation } = await client.person.invite({ params: { personId: id } })
      const password = `four words in a row, ${id}`
      const accepted = { invitation, password }
      const answer = await openBrowser(url).send('POST', '/v1/invitations/accept', accepted)
      if (answer.status !== 204) throw new Error(answer.text)
      return { id, password }
    },
    close: () => owner.end(),
  }
}

/** By the tables: what roles there are is not what sign-in is about. */
async function grant(
  owner: pg.Client,
  personId: number,
  nodeId: number,
  permissions: readonly Permission[],
): Promise<void> {
  const name = `of person ${personId}`
  await owner.query(
    `with profile as (
       insert into access_profile (name, origin, permissions) values ($1, 'own', $2) returning id),
     given as (
       insert into role (name, profile_id, kind, origin)
       select $1, id, 'provider', 'own' from profile returning id)
     insert into role_grant (person_id, role_id, node_id, node_path, granted_by)
     select $3, given.id, node.id, node_path, '{"id":"system","name":"Test","kind":"system"}'
       from given, node where node.id = $4`,
    [name, JSON.stringify(permissions), personId, nodeId],
  )
}
