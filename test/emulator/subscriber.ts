import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Notification {
  subscriptionId: string
  changeType?: string
  lifecycleEvent?: string
  clientState: string | null
  tenantId: string
  resource?: string
  resourceData?: Record<string, ReturnType<typeof JSON.parse>>
}

/** Somebody who listens for notifications, on a port of this machine. */
export interface Subscriber {
  url: string
  /** Each request's notifications, in the order in which they came. */
  received: Notification[][]
  /** Addresses and types of the requests that asked it to prove itself. */
  asked: { url: string; contentType: string | undefined }[]
  /** How it answers; whole and well unless a test says otherwise. */
  validate: (token: string, response: ServerResponse) => void
  answer: (response: ServerResponse) => void | Promise<void>
  close(): Promise<void>
}

export async function openSubscriber(): Promise<Subscriber> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const token = url.searchParams.get('validationToken')
    if (token !== null) {
      const contentType = request.headers['content-type']
      subscriber.asked.push({ url: request.url ?? '', contentType })
      subscriber.validate(token, response)
      return
    }
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      subscriber.received.push(JSON.parse(Buffer.concat(chunks).toString('utf8')).value)
      void subscriber.answer(response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const subscriber: Subscriber = {
    url: `http://127.0.0.1:${port}/notify?of=graph`,
    received: [],
    asked: [],
    validate: echo,
    answer: accept,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return subscriber
}

export function echo(token: string, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(token)
}

export function accept(response: ServerResponse): void {
  response.writeHead(202).end()
}

export function refuse(response: ServerResponse): void {
  response.writeHead(503).end()
}
