import tls, { DEFAULT_CIPHERS, DEFAULT_MIN_VERSION } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { AppError } from '../../src/core/errors.ts'
import type { Destination } from '../../src/net/destination.ts'
import { createEgress } from '../../src/net/egress.ts'
import { createIdentity, type Identity, serveTls } from './tlsServer.ts'

const ca = createIdentity('Test CA', { authority: true })
const otherCa = createIdentity('Other CA', { authority: true })
const names = ['graph.test']
const good = createIdentity('graph.test', { issuer: ca, names })

afterEach(() => {
  delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
  Object.assign(tls, { DEFAULT_CIPHERS, DEFAULT_MIN_VERSION })
})

/** What becomes of a call to a server with this certificate, and what that server got to see. */
async function call(
  identity: Identity,
  more: Partial<Destination> & { options?: Parameters<typeof serveTls>[2] } = {},
): Promise<{ outcome: string; requests: number }> {
  const { options, ...destination } = more
  let requests = 0
  const server = await serveTls(
    identity,
    (_, response) => {
      requests += 1
      response.end('ok')
    },
    options,
  )
  const egress = createEgress(async () => [{ address: '127.0.0.1', family: 4 }])
  const url = new URL(`https://graph.test:${server.port}/`)
  try {
    const outcome = await egress
      .exchange({
        destination: {
          ...{ origins: [url.origin], allowedAddresses: ['127.0.0.0/8'], ca: ca.certificatePem },
          ...destination,
        },
        ...{ method: 'POST', url, headers: { authorization: 'Bearer canary' }, body: 'canary' },
      })
      .then(
        ({ status }) => String(status),
        (error: unknown) => (error instanceof AppError ? error.message : 'no AppError'),
      )
    return { outcome, requests }
  } finally {
    await egress.close()
    await server.close()
  }
}

const past = new Date(Date.now() - 60_000)
const future = new Date(Date.now() + 3_600_000)
const bad: [string, Identity, RegExp][] = [
  ['expired', createIdentity('graph.test', { issuer: ca, names, notAfter: past }), /expired/],
  [
    'not valid yet',
    createIdentity('graph.test', { issuer: ca, names, notBefore: future }),
    /not valid yet/,
  ],
  ['self-signed', createIdentity('graph.test', { names }), /itself/],
  [
    'from another authority',
    createIdentity('graph.test', { issuer: otherCa, names }),
    /not trusted/,
  ],
  [
    'for another name',
    createIdentity('x', { issuer: ca, names: ['x.test', '*.graph.test'] }),
    /another name/,
  ],
]

describe('the certificate of the other end', () => {
  it('is accepted when it is right', async () => {
    expect(await call(good)).toEqual({ outcome: '200', requests: 1 })
  })

  it.each(bad)(
    'G6: is refused when it is %s, and nothing is sent',
    async (_what, identity, words) => {
      const { outcome, requests } = await call(identity)
      expect(outcome).toMatch(words)
      expect(requests).toBe(0)
    },
  )

  it.each(bad)('G6: is refused when it is %s, whatever the environment says', async (...given) => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    const { outcome, requests } = await call(given[1])
    expect(outcome).toMatch(given[2])
    expect(requests).toBe(0)
  })

  it('G6: is trusted by an authority of its own only where that is named', async () => {
    const foreign = createIdentity('graph.test', { issuer: otherCa, names })
    expect((await call(foreign, { ca: otherCa.certificatePem })).outcome).toBe('200')
    const both = `${ca.certificatePem}\n${otherCa.certificatePem}`
    expect((await call(foreign, { ca: both })).outcome).toBe('200')
    expect((await call(good, { ca: both })).outcome).toBe('200')
    expect((await call(good, { ca: otherCa.certificatePem })).outcome).toMatch(/not trusted/)
  })
})

describe('versions of TLS', () => {
  const only = (version: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3') => ({
    options: { minVersion: version, maxVersion: version, ciphers: 'ALL:@SECLEVEL=0' },
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('%s is spoken', async (version) => {
    expect((await call(good, only(version))).outcome).toBe('200')
  })

  it.each(['TLSv1', 'TLSv1.1'] as const)(
    'G6: %s is refused, also where the process was started to allow it',
    async (version) => {
      // As --tls-min-v1.0 and --tls-cipher-list do.
      Object.assign(tls, { DEFAULT_MIN_VERSION: 'TLSv1', DEFAULT_CIPHERS: 'ALL:@SECLEVEL=0' })
      const { outcome, requests } = await call(good, only(version))
      expect(outcome).toMatch(/versions of TLS that are too old/)
      expect(requests).toBe(0)
    },
  )
})
