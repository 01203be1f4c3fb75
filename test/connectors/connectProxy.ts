import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { WebProxy } from '../../src/net/destination.ts'
import { parseEndpoint } from '../../src/net/endpoint.ts'

export interface ConnectProxy {
  /** What came, in order. */
  connects: IncomingMessage[]
  /** The proxy as a tenant names it; `userinfo` is empty or ends with `@`. */
  webProxy(userinfo: string): WebProxy
  close(): Promise<void>
}

/** A web proxy that leads every CONNECT to one local port, if `admits` the request. */
export async function startProxy(
  targetPort: () => number,
  admits: (request: IncomingMessage) => boolean = () => true,
): Promise<ConnectProxy> {
  const connects: IncomingMessage[] = []
  const server = createServer().on('connect', (request: IncomingMessage, client: Socket) => {
    connects.push(request)
    if (!admits(request)) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
      return
    }
    const upstream = connect(targetPort(), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n')
      upstream.pipe(client).pipe(upstream)
    })
    upstream.on('error', () => client.destroy())
    client.on('error', () => upstream.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A server bound to a port always has an AddressInfo.
  const { port } = server.address() as AddressInfo
  return {
    connects,
    webProxy: (userinfo) => ({
      endpoint: parseEndpoint('proxy', 'proxy', `http://${userinfo}proxy.test:${port}`),
      allowedAddresses: ['127.0.0.0/8'],
    }),
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
