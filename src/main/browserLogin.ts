import { spawn } from 'node:child_process'
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { hostname } from 'node:os'
import { AppError } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import { Sealed } from '../core/secret.ts'

export interface BrowserCode {
  code: Sealed
  verifier: Sealed
}

/**
 * Sends the person to the server's sign-in page and waits on loopback for the code it sends back
 * (RFC 8252, PKCE). `announce` is told the address, and answers whether a browser is to be opened.
 * Throws `timed-out`.
 */
export async function signInByBrowser(
  server: string,
  announce: (address: string) => boolean,
): Promise<BrowserCode> {
  const [verifier, state] = [randomText(), randomText()]
  const listener = createServer()
  const port = await listen(listener)
  try {
    const asked = new URLSearchParams({
      redirectUri: `http://127.0.0.1:${port}/callback`,
      challenge: createHash('sha256').update(verifier).digest('base64url'),
      ...{ state, device: hostname().slice(0, 128) || 'a machine' },
    })
    const address = `${server.replace(/\/$/, '')}/sign-in#${asked}`
    if (announce(address)) openBrowser(address)
    return { code: new Sealed(await codeOf(listener, state)), verifier: new Sealed(verifier) }
  } finally {
    listener.close()
    listener.closeAllConnections()
  }
}

function randomText(): string {
  return randomBytes(32).toString('base64url')
}

function listen(listener: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    listener.once('error', reject)
    listener.listen(0, '127.0.0.1', () => {
      const address = listener.address()
      if (typeof address === 'object' && address) resolve(address.port)
    })
  })
}

/** Of whatever comes in only what knows the state is an answer: others may reach this port. */
function codeOf(listener: Server, state: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      reject(new AppError('timed-out', 'Nobody signed in. Run patchbay login again.'))
    }, limits.roundTripMs)
    listener.on('request', (request, response) => {
      const url = new URL(request.url ?? '/', 'http://127.0.0.1')
      const code = url.searchParams.get('code')
      const isOurs = url.pathname === '/callback' && same(url.searchParams.get('state'), state)
      response.writeHead(code && isOurs ? 200 : 404, {
        ...{ 'content-type': 'text/plain; charset=utf-8', connection: 'close' },
        'referrer-policy': 'no-referrer',
      })
      if (!code || !isOurs) return void response.end('There is nothing here.\n')
      clearTimeout(late)
      response.end('The command line is signed in. You may close this page.\n', () => resolve(code))
    })
  })
}

function same(given: string | null, wanted: string): boolean {
  const [one, other] = [Buffer.from(given ?? ''), Buffer.from(wanted)]
  return one.length === other.length && timingSafeEqual(one, other)
}

/** When there is none to open, the person still has the address. */
function openBrowser(address: string): void {
  const [command = '', ...args] =
    process.platform === 'darwin'
      ? ['open', address]
      : process.platform === 'win32'
        ? ['rundll32', 'url.dll,FileProtocolHandler', address]
        : ['xdg-open', address]
  const child = spawn(command, args, { stdio: 'ignore', detached: true })
  child.on('error', () => {})
  child.unref()
}
