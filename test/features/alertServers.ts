import { once } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { createIdentity, serveTls } from '../connectors/tlsServer.ts'

export interface Taken {
  from: string
  to: string[]
  /** Who signed in. */
  user: string | undefined
  secure: boolean
  /** The message as it came over the wire. */
  raw: string
}

/** A mail server of this machine, known by its own authority, that keeps what it takes. */
export async function startMailServer(how: 'tls' | 'starttls' | 'plain' = 'tls') {
  const ca = createIdentity('Mail CA', { authority: true })
  const identity = createIdentity('mail.test', { issuer: ca, names: ['mail.test', 'localhost'] })
  const taken: Taken[] = []
  let refuseWith: number | undefined
  const server = new SMTPServer({
    ...{ secure: how === 'tls', key: identity.keyPem, cert: identity.certificatePem },
    ...{ authOptional: true, logger: false, disabledCommands: how === 'plain' ? ['STARTTLS'] : [] },
    onAuth: ({ username, password }, _session, done) => {
      if (password === 'mail-pass-1') done(null, { user: username ?? '' })
      else done(new Error('Invalid username or password'))
    },
    onRcptTo: (_address, _session, done) => {
      if (refuseWith === undefined) return done()
      done(Object.assign(new Error('No such mailbox'), { responseCode: refuseWith }))
    },
    onData: (stream, session, done) => {
      let raw = ''
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        raw += chunk
      })
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope
        const from = mailFrom === false ? '' : mailFrom.address
        const to = rcptTo.map(({ address }) => address)
        const user = typeof session.user === 'string' ? session.user : undefined
        taken.push({ from, to, user, secure: session.secure === true, raw })
        done()
      })
    },
  })
  server.on('error', () => {})
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  // The type covers pipes as well; a TCP server has an AddressInfo.
  const { port } = server.server.address() as AddressInfo
  return {
    ...{ port, taken, ca: ca.certificatePem },
    refuse: (code: number | undefined) => {
      refuseWith = code
    },
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

export interface Posted {
  path: string
  headers: IncomingHttpHeaders
  body: string
}

/** Takes POSTs over TLS, and answers them as told. */
export async function startWebhook() {
  const ca = createIdentity('Hook CA', { authority: true })
  const identity = createIdentity('hook.test', { issuer: ca, names: ['hook.test'] })
  const posted: Posted[] = []
  let status = 204
  const server = await serveTls(identity, (request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk
    })
    request.on('end', () => {
      posted.push({ path: request.url ?? '', headers: request.headers, body })
      response.writeHead(status, status === 302 ? { location: 'https://evil.test/' } : {}).end()
    })
  })
  return {
    ...{ posted, ca: ca.certificatePem, url: `https://hook.test:${server.port}/alerts` },
    answer: (given: number) => {
      status = given
    },
    close: server.close,
  }
}
