import { constants, createHash, verify, X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Sealed } from '../../src/core/secret.ts'
import { clientId, json, type Microsoft, startMicrosoft, tenantId } from './microsoft.ts'
import { createIdentity } from './tlsServer.ts'

let microsoft: Microsoft

beforeAll(async () => {
  microsoft = await startMicrosoft()
})
afterAll(() => microsoft.close())
beforeEach(() => microsoft.reset())

function refusal(number: number, status = 401) {
  return json(status, {
    error: 'invalid_client',
    error_description: `AADSTS${number}: secret text`,
    error_codes: [number],
    trace_id: 'aaaa-1',
  })
}

describe('tokens', () => {
  it('asks with the secret, once, and keeps the token', async () => {
    const tokens = microsoft.tokenClient()
    const first = await tokens.token(microsoft.application())
    const again = await tokens.token(microsoft.application())
    expect(again.reveal()).toBe(first.reveal())
    expect(String(first)).toBe('[secret]')
    const [request, ...others] = microsoft.sent('login.test')
    expect(others).toHaveLength(0)
    expect(request?.url).toBe(`/${tenantId}/oauth2/v2.0/token`)
    expect(Object.fromEntries(new URLSearchParams(request?.body))).toEqual({
      client_id: clientId,
      client_secret: 's3cret',
      grant_type: 'client_credentials',
      scope: microsoft.cloud.scope,
    })
  })

  it('sends one request for a thousand callers', async () => {
    const tokens = microsoft.tokenClient()
    const all = await Promise.all(
      Array.from({ length: 1_000 }, () => tokens.token(microsoft.application())),
    )
    expect(new Set(all.map((token) => token.reveal())).size).toBe(1)
    expect(microsoft.sent('login.test')).toHaveLength(1)
  })

  it('keeps apart other credentials, tenants and scopes', async () => {
    const tokens = microsoft.tokenClient()
    const application = microsoft.application()
    await tokens.token(application)
    await tokens.token({ ...application, credentialVersion: '2' })
    await tokens.token({ ...application, tenantId: 'other.example' })
    await tokens.token(application, { scope: 'https://outlook.test/.default' })
    expect(microsoft.sent('login.test')).toHaveLength(4)
  })

  it('one caller that gives up does not stop the others', async () => {
    const tokens = microsoft.tokenClient()
    const controller = new AbortController()
    const leaving = tokens.token(microsoft.application(), { signal: controller.signal })
    const staying = tokens.token(microsoft.application())
    controller.abort()
    await expect(leaving).rejects.toMatchObject({ code: 'cancelled' })
    expect((await staying).reveal()).toMatch(/^token-/)
  })

  it('fetches another token beside the calls, five minutes early', async () => {
    const tokens = microsoft.tokenClient()
    const first = await tokens.token(microsoft.application())
    microsoft.clock.move(3_599_000 - 4 * 60_000)
    expect((await tokens.token(microsoft.application())).reveal()).toBe(first.reveal())
    await expect.poll(() => microsoft.sent('login.test').length).toBe(2)
    await expect
      .poll(async () => (await tokens.token(microsoft.application())).reveal())
      .not.toBe(first.reveal())
  })

  it('keeps using a valid token while the renewal fails, and asks no more than that', async () => {
    const tokens = microsoft.tokenClient()
    const first = await tokens.token(microsoft.application())
    microsoft.replies.login = refusal(7000222)
    microsoft.clock.move(3_599_000 - 4 * 60_000)
    for (let call = 0; call < 20; call += 1) {
      expect((await tokens.token(microsoft.application())).reveal()).toBe(first.reveal())
      await expect.poll(() => microsoft.sent('login.test').length).toBe(2)
    }
    microsoft.clock.move(5 * 60_000)
    await expect(tokens.token(microsoft.application())).rejects.toMatchObject({
      code: 'credentials-rejected',
      foreignCode: 'AADSTS7000222',
    })
    expect(microsoft.sent('login.test')).toHaveLength(2)
  })

  it('tries a rejected credential once in a quarter of an hour, unless a person asks', async () => {
    const tokens = microsoft.tokenClient()
    microsoft.replies.login = refusal(7000215)
    for (let call = 0; call < 50; call += 1) {
      await expect(tokens.token(microsoft.application())).rejects.toMatchObject({
        code: 'credentials-rejected',
        foreignRequestId: 'aaaa-1',
        message: expect.not.stringContaining('secret text'),
      })
      microsoft.clock.move(17_000)
    }
    expect(microsoft.sent('login.test')).toHaveLength(1)
    await expect(tokens.token(microsoft.application(), { fresh: true })).rejects.toThrow(/wrong/)
    expect(microsoft.sent('login.test')).toHaveLength(2)
    microsoft.clock.move(15 * 60_000)
    microsoft.replies.login = microsoft.grant
    expect((await tokens.token(microsoft.application())).reveal()).toMatch(/^token-/)
    expect(microsoft.sent('login.test')).toHaveLength(3)
  })

  it('a person who tests the connection is not given a kept token', async () => {
    const tokens = microsoft.tokenClient()
    await tokens.token(microsoft.application())
    microsoft.replies.login = refusal(7000215)
    await expect(tokens.token(microsoft.application(), { fresh: true })).rejects.toThrow(/wrong/)
  })

  it('tries a fault of the service again, by its Retry-After, and a few times only', async () => {
    const tokens = microsoft.tokenClient()
    microsoft.replies.login = json(503, {}, { 'retry-after': '2' })
    await expect(tokens.token(microsoft.application())).rejects.toMatchObject({
      code: 'microsoft-unavailable',
    })
    expect(microsoft.clock.slept).toEqual([2_000, 2_000])
    expect(microsoft.sent('login.test')).toHaveLength(3)
  })

  it.each([
    ['a page', (r: import('node:http').ServerResponse) => r.end('<html>')],
    ['no token', json(200, { token_type: 'Bearer', expires_in: 3_599 })],
    ['a token that is a header', json(200, { expires_in: 9, access_token: 'a\r\nx-evil: 1' })],
    ['no life', json(200, { expires_in: 'soon', access_token: 'a' })],
  ])('does not take %s for a token', async (_, reply) => {
    microsoft.replies.login = reply
    await expect(microsoft.tokenClient().token(microsoft.application())).rejects.toMatchObject({
      code: 'microsoft-broken-answer',
    })
  })

  it('a short-lived token is not renewed at every call', async () => {
    const tokens = microsoft.tokenClient()
    microsoft.replies.login = json(200, { expires_in: '120', access_token: 'short' })
    for (let call = 0; call < 5; call += 1) await tokens.token(microsoft.application())
    expect(microsoft.sent('login.test')).toHaveLength(1)
  })

  it('an invalidated token is fetched anew, another one is left alone', async () => {
    const tokens = microsoft.tokenClient()
    const first = await tokens.token(microsoft.application())
    tokens.invalidate(microsoft.application(), new Sealed(first.reveal()))
    expect(microsoft.sent('login.test')).toHaveLength(1)
    tokens.invalidate(microsoft.application(), first)
    expect((await tokens.token(microsoft.application())).reveal()).not.toBe(first.reveal())
  })
})

describe('certificate', () => {
  const identity = createIdentity('app')
  const certificate = {
    privateKeyPem: new Sealed(identity.keyPem),
    certificatePem: identity.certificatePem,
  }

  it('signs an assertion that Entra ID can verify', async () => {
    await microsoft.tokenClient().token(microsoft.application({ certificate }))
    const form = new URLSearchParams(microsoft.sent('login.test')[0]?.body)
    expect(form.get('client_assertion_type')).toContain('jwt-bearer')
    const assertion = form.get('client_assertion') ?? ''
    const [header = '', claims = '', signature = ''] = assertion.split('.')
    const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
    const public_ = new X509Certificate(identity.certificatePem)
    expect(decode(header)).toEqual({
      alg: 'PS256',
      typ: 'JWT',
      'x5t#S256': createHash('sha256').update(public_.raw).digest('base64url'),
    })
    const { aud, iss, sub, nbf, exp, jti } = decode(claims)
    expect([iss, sub]).toEqual([clientId, clientId])
    expect(aud).toBe(`${microsoft.cloud.login}/${tenantId}/oauth2/v2.0/token`)
    expect([exp - nbf, Number.isInteger(nbf)]).toEqual([600, true])
    expect(jti).toMatch(/^[\da-f-]{36}$/)
    const key = { key: public_.publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
    const signed = Buffer.from(`${header}.${claims}`)
    expect(verify('sha256', signed, key, Buffer.from(signature, 'base64url'))).toBe(true)
  })

  it('the secret is used when both are there', async () => {
    const both = { clientSecret: new Sealed('s3cret'), certificate }
    await microsoft.tokenClient().token(microsoft.application(both))
    const form = new URLSearchParams(microsoft.sent('login.test')[0]?.body)
    expect([form.has('client_secret'), form.has('client_assertion')]).toEqual([true, false])
  })

  it.each([
    ['nothing', {}],
    [
      'a foreign key',
      { certificate: { ...certificate, certificatePem: createIdentity('x').certificatePem } },
    ],
    ['no key at all', { certificate: { ...certificate, privateKeyPem: new Sealed('x') } }],
  ])('with %s nothing is sent', async (_, credentials) => {
    await expect(
      microsoft.tokenClient().token(microsoft.application(credentials)),
    ).rejects.toMatchObject({ code: 'credentials-rejected' })
    expect(microsoft.sent('login.test')).toHaveLength(0)
  })
})
