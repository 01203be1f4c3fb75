import { openBrowser, signIn } from '../server/browser.ts'
import type { ValidRequest } from './validRequests.ts'
import type { ContractWorld } from './world.ts'

const page = { after: '1', limit: '5' }
const password = 'as long as it has to be'
const base64Url = 'x'.repeat(43)

/** Requests about people, tokens and sessions. What takes a browser comes with its cookies. */
export async function peopleRequests(world: ContractWorld): Promise<Record<string, ValidRequest>> {
  const { client, own } = world
  const { nodeId } = own
  const add = async (login: string) =>
    (await client.person.create({ body: { nodeId, login, name: login } })).id
  const doomed = await add('doomed')
  const shown = await add('shown')
  const body = { nodeId, login: 'created', name: 'Created' }
  const { id: tokenId } = await client.token.create({ body: { name: 'Doomed', personId: shown } })
  const wanted = { name: 'Created', personId: shown, nodeId, days: 30 }
  return {
    'person.list': { query: page },
    'person.create': {
      body: { ...body, email: 'created@contoso.example' },
      shownAt: (answer) => `/v1/people/${answer.id}`,
      tidy: ({ id, login }) =>
        client.person.delete({
          params: { personId: Number(id) },
          query: { confirm: String(login) },
        }),
    },
    'person.show': { path: { personId: shown } },
    'person.update': {
      path: { personId: await add('updated') },
      body: { name: 'Updated', login: 'updated', email: 'u@contoso.example', disabled: false },
      shownAt: (answer) => `/v1/people/${answer.id}`,
    },
    'person.invite': { path: { personId: shown } },
    'person.signOut': { path: { personId: shown } },
    'person.delete': { path: { personId: doomed }, query: { confirm: 'doomed' } },
    'token.list': { query: page },
    'token.create': {
      body: { ...wanted, permissions: [{ type: 'data/*', operations: ['Read'] }] },
      tidy: ({ id }) => client.token.revoke({ params: { tokenId: Number(id) } }),
    },
    'token.revoke': { path: { tokenId } },
    'consent.invite': { path: { tenantId: own.tenantId }, answered: 409 },
    'consent.begin': { path: { link: 'pbo_none' }, answered: 401 },
    'consent.return': { query: { state: 'none', tenant: 'none' } },
    'consent.page': {},
    ...(await sessionRequests(world, add)),
  }
}

async function sessionRequests(
  { client, patchbay }: ContractWorld,
  add: (login: string) => Promise<number>,
): Promise<Record<string, ValidRequest>> {
  const signedIn = async (login: string) => {
    const { invitation } = await client.person.invite({ params: { personId: await add(login) } })
    const browser = openBrowser(patchbay.url)
    await browser.send('POST', '/v1/invitations/accept', { invitation, password })
    await signIn(browser, login, password)
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    return { cookie, 'x-csrf-token': browser.csrfToken }
  }
  return {
    'session.show': {},
    'session.begin': { body: { login: 'nobody', password }, answered: 401 },
    'session.end': { headers: await signedIn('leaving') },
    'session.endAll': { headers: await signedIn('leaving-everywhere') },
    'session.changePassword': {
      headers: await signedIn('changing'),
      body: { current: `not ${password}`, password },
      answered: 429,
    },
    'session.acceptInvitation': { body: { invitation: 'pbi_none', password }, answered: 401 },
    'session.providers': {},
    'session.admitCommandLine': {
      headers: await signedIn('admitting'),
      body: {
        ...{ redirectUri: 'http://127.0.0.1:65000/callback', device: 'a machine' },
        ...{ challenge: base64Url, state: base64Url },
      },
    },
    'session.exchangeCode': { body: { code: 'pbo_none', verifier: base64Url }, answered: 401 },
    'signIn.page': {},
    'signIn.script': {},
    'signIn.style': {},
    'signIn.openId': { path: { provider: 'none' }, answered: 404 },
    'signIn.return': { path: { provider: 'none' }, query: { code: 'none', state: 'none' } },
  }
}
