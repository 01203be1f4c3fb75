import type { Cloud } from '../../src/connectors/microsoft/clouds.ts'
import { startProxy } from '../connectors/connectProxy.ts'
import { createIdentity, serveTls } from '../connectors/tlsServer.ts'

/** Somebody who may edit a tenant and wants its secrets sent to machines of their own. */
export interface Attacker {
  /** An address of a proxy that leads everything to them. */
  proxy: string
  /** What vouches for their machine under any name. */
  authorityPem: string
  /** A configured cloud that is theirs. */
  cloud(name: string): Cloud
  /** Everything that came to them since `forget`, headers and bodies. */
  received(): string
  forget(): void
  close(): Promise<void>
}

/** `names`: the hosts they pretend to be. */
export async function startAttacker(names: readonly string[]): Promise<Attacker> {
  const authority = createIdentity('Attacker', { authority: true })
  const identity = createIdentity('microsoft', {
    issuer: authority,
    names: ['127.0.0.1', ...names],
  })
  let heard: string[] = []
  const server = await serveTls(identity, (request, response) => {
    heard.push(`${request.method} ${request.url}`, ...request.rawHeaders)
    request.on('data', (chunk: Buffer) => heard.push(chunk.toString('latin1')))
    request.on('end', () => {
      const origin = `https://${request.headers.host}`
      const tenant = request.url?.split('/')[1]
      const description = { token_endpoint: `${origin}/${tenant}/oauth2/v2.0/token` }
      const refusal = { error: 'invalid_client', error_description: 'AADSTS7000215: no' }
      const known = request.method === 'GET'
      response.writeHead(known ? 200 : 401, { 'content-type': 'application/json' })
      response.end(JSON.stringify(known ? description : refusal))
    })
  })
  const proxy = await startProxy(() => server.port)
  const { port } = proxy.webProxy('').endpoint
  const origin = `https://127.0.0.1:${server.port}`
  return {
    proxy: `evil.test:${port}`,
    authorityPem: authority.certificatePem,
    cloud: (name) => ({
      ...{ name, login: origin, graph: origin, scope: 'https://graph.microsoft.com/.default' },
      ...{ ca: authority.certificatePem, allowedAddresses: ['127.0.0.0/8'] },
    }),
    received: () =>
      [...heard, ...proxy.connects.flatMap(({ rawHeaders }) => rawHeaders)].join('\n'),
    forget: () => {
      heard = []
      proxy.connects.length = 0
    },
    close: async () => {
      await proxy.close()
      await server.close()
    },
  }
}
