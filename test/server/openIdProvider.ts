import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import Provider from 'oidc-provider'
import { Agent } from 'undici'
import { createIdentity } from '../connectors/tlsServer.ts'

export interface TestProvider {
  issuer: string
  clientId: string
  clientSecret: string
  /** PEM of the authority its certificate is by. */
  ca: string
  /** The path of every request so far. */
  asked: string[]
  /** From an authorization request to the answer: where it sends the browser back to. */
  signIn(authorization: string, account: string): Promise<URL>
  close(): Promise<void>
}

/** A real OpenID provider on loopback, over TLS. Whoever types a name is that account. */
export async function startProvider(redirectUri: string): Promise<TestProvider> {
  const authority = createIdentity('Provider authority', { authority: true })
  const identity = createIdentity('localhost', { issuer: authority, names: ['localhost'] })
  const server = createServer({ key: identity.keyPem, cert: identity.certificatePem })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // listen() on a port gives an object
  const issuer = `https://localhost:${(server.address() as AddressInfo).port}`
  const clientSecret = randomBytes(16).toString('hex')
  const provider = new Provider(issuer, {
    clients: [
      {
        ...{ client_id: 'patchbay', client_secret: clientSecret },
        ...{ redirect_uris: [redirectUri], token_endpoint_auth_method: 'client_secret_basic' },
      },
    ],
    findAccount: (_ctx, id) => ({
      accountId: id,
      claims: () => ({
        ...{ sub: id, email: `${id}@contoso.example`, preferred_username: id },
        email_verified: !id.startsWith('unverified'),
      }),
    }),
    claims: {
      ...{ openid: ['sub'], email: ['email', 'email_verified'] },
      profile: ['preferred_username'],
    },
    cookies: { keys: [randomBytes(16).toString('hex')] },
  })
  const asked: string[] = []
  server.on('request', ({ url = '' }) => asked.push(url))
  server.on('request', provider.callback())
  const agent = new Agent({ connect: { ca: authority.certificatePem } })
  return {
    ...{ issuer, clientId: 'patchbay', clientSecret, ca: authority.certificatePem, asked },
    signIn: (authorization, account) => walk(agent, issuer, authorization, account),
    async close() {
      await agent.close()
      server.closeAllConnections()
      server.close()
    },
  }
}

/** As a browser would, through the forms of the provider's own development pages. */
async function walk(
  agent: Agent,
  issuer: string,
  authorization: string,
  account: string,
): Promise<URL> {
  const cookies = new Map<string, string>()
  let next = { url: new URL(authorization), form: undefined as string | undefined }
  for (let step = 0; step < 15; step++) {
    if (next.url.origin !== issuer) return next.url
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await agent.request({
      ...{ origin: issuer, path: `${next.url.pathname}${next.url.search}` },
      method: next.form === undefined ? 'GET' : 'POST',
      headers: {
        ...(cookie && { cookie }),
        ...(next.form && { 'content-type': 'application/x-www-form-urlencoded' }),
      },
      body: next.form ?? null,
    })
    for (const line of [answer.headers['set-cookie'] ?? []].flat()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    const text = await answer.body.text()
    const { location } = answer.headers
    if (location) next = { url: new URL(String(location), next.url), form: undefined }
    else {
      const [, prompt] = /name="prompt" value="(\w+)"/.exec(text) ?? []
      const [, action = ''] = /action="([^"]+)"/.exec(text) ?? []
      if (prompt === undefined) throw new Error(`the provider says: ${text.slice(0, 2_000)}`)
      const form = new URLSearchParams({ prompt, login: account, password: 'x' })
      next = { url: new URL(action, next.url), form: form.toString() }
    }
  }
  throw new Error('the provider goes on and on')
}
