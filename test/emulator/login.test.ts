import { constants, createHash, sign, X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Started, secretForm, selfSigned, start } from './support.ts'

let emulator: Started
beforeAll(async () => {
  emulator = await start({
    tenants: [
      { users: 10, seed: 2 },
      { users: 5, seed: 9 },
    ],
  })
})
afterAll(() => emulator.close())

const endpoint = () => `/${emulator.tenant.tenantId}/oauth2/v2.0/token`
const post = (body: string, headers = {}, path = endpoint()) =>
  emulator.call('POST', path, {
    body,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
  })
const withSecret = (changed = {}) => post(secretForm(emulator.tenant, changed))
const tenantControl = (method: string, path: string, body: object) =>
  emulator.control(method, `/tenants/${emulator.tenant.tenantId}${path}`, body)

describe('with a secret', () => {
  test('the answer has four members, and the token opens Graph', async () => {
    const answer = await withSecret()
    expect(Object.keys(answer.json).sort()).toEqual(
      ['access_token', 'expires_in', 'ext_expires_in', 'token_type'].sort(),
    )
    expect(answer.json.expires_in).toBe(3599)
    const claims = JSON.parse(
      Buffer.from(answer.json.access_token.split('.')[1], 'base64url').toString(),
    )
    expect(claims).toMatchObject({
      aud: 'https://graph.microsoft.com',
      tid: emulator.tenant.tenantId,
      appid: emulator.tenant.clientId,
      idtyp: 'app',
      ver: '1.0',
    })
    expect(claims.roles).toContain('User.ReadWrite.All')
    expect(claims.roles).not.toContain('Exchange.ManageAsApp')
  })

  test('by domain instead of id, and with HTTP Basic', async () => {
    const { clientId, clientSecret, domain } = emulator.tenant
    expect(
      (await post(secretForm(emulator.tenant), {}, `/${domain}/oauth2/v2.0/token`)).status,
    ).toBe(200)
    const basic = Buffer.from(`${clientId}:${encodeURIComponent(clientSecret)}`).toString('base64')
    const form = 'grant_type=client_credentials&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default'
    expect((await post(form, { authorization: `Basic ${basic}` })).status).toBe(200)
  })

  test('scripts of the first version ask for a resource, and are told times as text', async () => {
    const { clientId, clientSecret, tenantId } = emulator.tenant
    const ask = (resource: string) => {
      const client = { client_id: clientId, client_secret: clientSecret }
      const form = new URLSearchParams({ grant_type: 'client_credentials', ...client, resource })
      return post(form.toString(), {}, `/${tenantId}/oauth2/token`)
    }
    for (const resource of ['https://graph.microsoft.com', 'https://graph.microsoft.com/']) {
      const { status, json } = await ask(resource)
      expect([status, json.resource, json.expires_in]).toEqual([200, resource, '3599'])
      expect(Number(json.expires_on) - Number(json.not_before)).toBe(3_599 + 300)
      const headers = { authorization: `Bearer ${json.access_token}` }
      expect((await emulator.call('GET', '/v1.0/users?$top=1', { headers })).status).toBe(200)
    }
    expect((await ask('')).status).toBe(400)
    expect((await ask('https://elsewhere.example')).json.error_codes).toEqual([500011])
  })

  test('a token for Exchange carries the role of Exchange', async () => {
    const answer = await withSecret({ scope: 'https://outlook.office365.com/.default' })
    const claims = JSON.parse(
      Buffer.from(answer.json.access_token.split('.')[1], 'base64url').toString(),
    )
    expect(claims.roles).toEqual(['Exchange.ManageAsApp'])
    const headers = { authorization: `Bearer ${answer.json.access_token}` }
    const refused = await emulator.call('GET', '/v1.0/users', { headers })
    expect(refused.status).toBe(401)
    expect(refused.json.error.message).toContain('Invalid audience')
  })

  test.each([
    ['wrong secret', { client_secret: 'nonsense' }, 401, 'invalid_client', 7000215],
    [
      'unknown application',
      { client_id: '11111111-1111-4111-8111-111111111111' },
      400,
      'unauthorized_client',
      700016,
    ],
    ['malformed application', { client_id: 'me' }, 400, 'unauthorized_client', 700038],
    ['unknown grant', { grant_type: 'password' }, 400, 'unsupported_grant_type', 70003],
    ['scope without default', { scope: 'User.Read' }, 400, 'invalid_scope', 1002012],
    [
      'unknown resource',
      { scope: 'https://nowhere.example/.default' },
      400,
      'invalid_resource',
      500011,
    ],
  ])('%s', async (_, changed, status, error, code) => {
    const answer = await withSecret(changed)
    expect(answer.status).toBe(status)
    expect(answer.json).toMatchObject({ error, error_codes: [code] })
    expect(answer.json.error_description).toMatch(
      new RegExp(`^AADSTS${code}: .* Trace ID: .* Correlation ID: .* Timestamp: .*Z$`),
    )
  })

  test('an unknown tenant, and one that cannot be', async () => {
    const unknown = await post(secretForm(emulator.tenant), {}, '/nobody.example/oauth2/v2.0/token')
    expect(unknown.json.error_codes).toEqual([90002])
    const improper = await post(secretForm(emulator.tenant), {}, '/nobody/oauth2/v2.0/token')
    expect(improper.json.error_codes).toEqual([900023])
  })

  test('an expired secret, and a second one beside it', async () => {
    const added = await tenantControl('POST', '/secrets', {
      text: 'short-lived',
      endsInSeconds: 60,
    })
    expect((await withSecret({ client_secret: 'short-lived' })).status).toBe(200)
    await tenantControl('PATCH', `/credentials/${added.json.keyId}`, { endsInSeconds: -1 })
    const answer = await withSecret({ client_secret: 'short-lived' })
    expect(answer.status).toBe(401)
    expect(answer.json.error_codes).toEqual([7000222])
  })

  test("one tenant's secret opens no other tenant", async () => {
    const [, other] = emulator.tenants
    const answer = await post(
      secretForm(emulator.tenant),
      {},
      `/${other?.tenantId}/oauth2/v2.0/token`,
    )
    expect(answer.json.error_codes).toEqual([700016])
  })
})

describe('with a certificate', () => {
  const { privateKey, pem } = selfSigned()
  const der = new X509Certificate(pem).raw
  const sha256 = createHash('sha256').update(der).digest('base64url')
  const sha1 = createHash('sha1').update(der).digest('base64url')
  const now = () => Math.floor(Date.now() / 1000)

  function assertion(algorithm: 'PS256' | 'RS256', header: object, payload: object): string {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const { clientId, tenantId } = emulator.tenant
    const signed = `${part({ alg: algorithm, typ: 'JWT', ...header })}.${part({
      aud: `https://login.microsoftonline.com/${tenantId}/oauth2/v2.0/token`,
      iss: clientId,
      sub: clientId,
      jti: 'x',
      nbf: now(),
      exp: now() + 600,
      ...payload,
    })}`
    const padding =
      algorithm === 'PS256' ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING
    const saltLength = constants.RSA_PSS_SALTLEN_DIGEST
    const key = { key: privateKey, padding, saltLength }
    return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`
  }

  const withAssertion = (client_assertion: string) =>
    withSecret({
      client_secret: '',
      client_assertion,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    })

  beforeAll(async () => {
    await tenantControl('POST', '/certificates', { pem })
  })

  test.each([
    ['PS256 by SHA-256', () => assertion('PS256', { 'x5t#S256': sha256 }, {})],
    ['RS256 by SHA-1', () => assertion('RS256', { x5t: sha1 }, {})],
    ['padding in the thumbprint', () => assertion('RS256', { x5t: `${sha1}=` }, {})],
    [
      'dates with fractions, no nbf',
      () =>
        assertion(
          'RS256',
          { x5t: sha1 },
          { nbf: undefined, iat: now() + 0.25, exp: now() + 599.5 },
        ),
    ],
    [
      'the old audience',
      () =>
        assertion(
          'PS256',
          { 'x5t#S256': sha256 },
          { aud: `https://login.microsoftonline.com/${emulator.tenant.domain}/oauth2/token` },
        ),
    ],
  ])('%s is accepted', async (_, make) => {
    expect((await withAssertion(make())).status).toBe(200)
  })

  test.each([
    ['an unknown certificate', () => assertion('PS256', { 'x5t#S256': 'unknown' }, {}), 700027],
    [
      'a changed payload',
      () => assertion('PS256', { 'x5t#S256': sha256 }, {}).replace(/\.[^.]+\./, '.eyJhIjoxfQ.'),
      700027,
    ],
    [
      'PS256 called RS256',
      () => assertion('PS256', { 'x5t#S256': sha256, alg: 'RS256' }, {}),
      700027,
    ],
    [
      'an old assertion',
      () => assertion('PS256', { 'x5t#S256': sha256 }, { exp: now() - 600 }),
      700024,
    ],
    [
      'one for later',
      () => assertion('PS256', { 'x5t#S256': sha256 }, { nbf: now() + 900 }),
      700024,
    ],
    [
      'another tenant in aud',
      () =>
        assertion(
          'PS256',
          { 'x5t#S256': sha256 },
          { aud: 'https://login.microsoftonline.com/other.example/oauth2/v2.0/token' },
        ),
      700023,
    ],
    ['another issuer', () => assertion('PS256', { 'x5t#S256': sha256 }, { iss: 'someone' }), 50027],
    ['noise', () => 'a.b.c', 50027],
  ])('%s is refused', async (_, make, code) => {
    const answer = await withAssertion(make())
    expect(answer.json.error_codes).toEqual([code])
    expect(answer.status).toBe(401)
  })

  test('the application shows when its credentials end, and never their texts', async () => {
    const answer = await emulator.graph('GET', `/applications(appId='${emulator.tenant.clientId}')`)
    expect(answer.json.keyCredentials).toHaveLength(1)
    expect(answer.json.passwordCredentials[0].endDateTime).toMatch(/^20\d\d-/)
    expect(answer.text).not.toContain(emulator.tenant.clientSecret)
  })
})

test('discovery documents lead back to the host that was asked', async () => {
  const document = await emulator.call(
    'GET',
    `/${emulator.tenant.tenantId}/v2.0/.well-known/openid-configuration`,
  )
  expect(document.json.token_endpoint).toBe(`${emulator.url}${endpoint()}`)
  const instance = await emulator.call(
    'GET',
    `/common/discovery/instance?api-version=1.1&authorization_endpoint=${emulator.url}/${emulator.tenant.tenantId}/oauth2/v2.0/authorize`,
  )
  expect(instance.json.tenant_discovery_endpoint).toContain(emulator.url)
  const keys = await emulator.call('GET', `/${emulator.tenant.tenantId}/discovery/v2.0/keys`)
  expect(keys.json.keys[0].kty).toBe('RSA')
  const unknown = await emulator.call(
    'GET',
    '/nobody.example/v2.0/.well-known/openid-configuration',
  )
  expect(unknown.json.error).toBe('invalid_tenant')
})

describe('tokens at Graph', () => {
  const open = (authorization?: string) =>
    emulator.call('GET', '/v1.0/organization', authorization ? { headers: { authorization } } : {})

  test('none, broken, expired', async () => {
    const none = await open()
    expect(none.status).toBe(401)
    expect(none.json.error.code).toBe('InvalidAuthenticationToken')
    expect(none.headers['www-authenticate']).toContain('Bearer')
    const token = await emulator.token()
    expect((await open(`Bearer ${token.slice(0, -4)}AAAA`)).status).toBe(401)
    expect((await open(`Bearer ${token}`)).status).toBe(200)
    await emulator.control('POST', '/clock', { advanceMs: 3_600_000 })
    const expired = await open(`Bearer ${token}`)
    await emulator.control('POST', '/clock', { offsetMs: 0 })
    expect(expired.json.error.message).toContain('expired')
  })

  test('without the permission: refused, and granted with any one of those that suffice', async () => {
    const attempt = async (roles: string[], method: string, path: string, body?: object) => {
      await tenantControl('PATCH', '', { roles })
      return (await emulator.graph(method, path, body)).status
    }
    const { value } = (await emulator.graph('GET', '/users?$select=id&$top=9')).json
    const user = `/users/${value[7].id}`
    expect(await attempt([], 'GET', '/users')).toBe(403)
    expect(await attempt(['Group.Read.All'], 'GET', '/users')).toBe(403)
    expect(await attempt(['User.Read.All'], 'GET', '/users')).toBe(200)
    expect(await attempt(['Directory.Read.All'], 'GET', '/users')).toBe(200)
    expect(await attempt(['User.Read.All'], 'PATCH', user, { city: 'Berlin' })).toBe(403)
    expect(await attempt(['User-Phone.ReadWrite.All'], 'PATCH', user, { mobilePhone: '+1' })).toBe(
      204,
    )
    expect(await attempt(['User-Phone.ReadWrite.All'], 'PATCH', user, { city: 'Berlin' })).toBe(403)
    expect(
      await attempt(['User.EnableDisableAccount.All', 'User.Read.All'], 'PATCH', user, {
        accountEnabled: true,
      }),
    ).toBe(204)
    const password = { passwordProfile: { password: 'Xyzzy-2026-plugh' } }
    expect(await attempt(['User.ReadWrite.All'], 'PATCH', user, password)).toBe(403)
    expect(await attempt(['User-PasswordProfile.ReadWrite.All'], 'PATCH', user, password)).toBe(204)
  })
})
