import { createHash, X509Certificate } from 'node:crypto'
import {
  ConfidentialClientApplication,
  type Configuration,
  type INetworkModule,
  type NetworkRequestOptions,
} from '@azure/msal-node'
import { Client, type Context, MiddlewareFactory } from '@microsoft/microsoft-graph-client'
import { Agent, fetch } from 'undici'
import type { TenantAccess } from '../../src/emulator/options.ts'
import type { Started } from './support.ts'

/** Microsoft's own clients as they come from the registry, told of nothing but another host. */
export interface MicrosoftClients {
  /** MSAL for one application, with the credential given. */
  signIn(auth: Partial<Configuration['auth']>): ConfidentialClientApplication
  authorityOf(tenant: TenantAccess): string
  /** The Graph client, which asks `getToken` before each request. */
  graph(getToken: () => Promise<string>): Client
  close(): Promise<void>
}

export function microsoftClients(emulator: Started): MicrosoftClients {
  const dispatcher = new Agent({ connect: { ca: emulator.caPem } })
  const { host, hostname } = new URL(emulator.url)
  const authorityOf = (tenant: TenantAccess) => `${emulator.url}/${tenant.tenantId}`
  return {
    authorityOf,
    signIn: (auth) =>
      new ConfidentialClientApplication({
        auth: {
          clientId: emulator.tenant.clientId,
          authority: authorityOf(emulator.tenant),
          // With its port: without, MSAL asks Microsoft who this host is.
          knownAuthorities: [host],
          ...auth,
        },
        system: { networkClient: networkClient(dispatcher) },
      }),
    graph: (getToken) => {
      const middleware = MiddlewareFactory.getDefaultMiddlewareChain({ getAccessToken: getToken })
      // The last of the chain calls the global fetch, which cannot be told of our authority.
      const send = async (context: Context) => {
        const answer = await fetch(String(context.request), {
          method: context.options?.method ?? 'GET',
          headers: Object.fromEntries(new Headers(context.options?.headers)),
          body: typeof context.options?.body === 'string' ? context.options.body : null,
          dispatcher,
        })
        const { status, headers } = answer
        const body = status === 204 ? null : await answer.text()
        context.response = new Response(body, { status, headers: [...headers] })
      }
      middleware.splice(-1, 1, { execute: send })
      // Hosts are compared without their port; a host that is not named gets no token.
      const customHosts = new Set([hostname])
      return Client.initWithMiddleware({ baseUrl: emulator.url, customHosts, middleware })
    },
    close: () => dispatcher.close(),
  }
}

/** MSAL's own way out asks the global fetch, too. */
function networkClient(dispatcher: Agent): INetworkModule {
  const send = async (method: 'GET' | 'POST', url: string, options: NetworkRequestOptions = {}) => {
    const { headers = {}, body = null } = options
    const answer = await fetch(url, { method, headers, body, dispatcher })
    // MSAL says which shape it expects and does not check it either.
    const read = (await answer.json()) as never
    return { headers: Object.fromEntries(answer.headers), body: read, status: answer.status }
  }
  return {
    sendGetRequestAsync: (url, options) => send('GET', url, options),
    sendPostRequestAsync: (url, options) => send('POST', url, options),
  }
}

/** The digests by which an assertion names its certificate, in hexadecimal as MSAL takes them. */
export function thumbprints(pem: string): { sha1: string; sha256: string } {
  const { raw } = new X509Certificate(pem)
  const digest = (name: string) => createHash(name).update(raw).digest('hex')
  return { sha1: digest('sha1'), sha256: digest('sha256') }
}
