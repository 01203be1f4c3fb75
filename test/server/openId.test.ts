import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readSettings } from '../../src/main/settings.ts'
import { freePort } from '../freePort.ts'
import { openBrowser, type TestBrowser } from './browser.ts'
import { startProvider, type TestProvider } from './openIdProvider.ts'
import { startTestPatchbay, type TestPatchbay } from './patchbay.ts'
import { openPeople, type People } from './people.ts'

let folder: string
let acme: TestProvider
let other: TestProvider
let patchbay: TestPatchbay
let people: People
let settings: object

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-test-openid-'))
  const port = await freePort()
  const publicUrl = `http://127.0.0.1:${port}`
  acme = await startProvider(`${publicUrl}/sign-in/return/acme`)
  other = await startProvider(`${publicUrl}/sign-in/return/other`)
  const configured = [
    { ...(await configuration('acme', acme)), title: 'Acme', matchBy: 'email' },
    await configuration('other', other),
  ]
  settings = { publicUrl, openIdProviders: configured }
  patchbay = await startTestPatchbay({ role: 'api', port, settings })
  people = await openPeople(patchbay)
})
afterAll(async () => {
  await people.close()
  await patchbay.close()
  await Promise.all([acme.close(), other.close()])
  await rm(folder, { recursive: true })
})

async function configuration(name: string, { issuer, clientId, clientSecret, ca }: TestProvider) {
  const [clientSecretFile, caFile] = [join(folder, `${name}-secret`), join(folder, `${name}-ca`)]
  await writeFile(clientSecretFile, `${clientSecret}\n`, { mode: 0o600 })
  await writeFile(caFile, ca)
  const way = { clientSecretFile, caFile, allowedAddresses: ['127.0.0.0/8', '::1/128'] }
  return { name, issuer, clientId, ...way }
}

interface Begun {
  browser: TestBrowser
  location: string
}

async function begin(name = 'acme'): Promise<Begun> {
  const browser = openBrowser(patchbay.url)
  const answer = await browser.send('GET', `/sign-in/openid/${name}`)
  expect(answer.status, answer.text).toBe(303)
  return { browser, location: answer.headers.get('location') ?? '' }
}

/** Where the browser is sent in the end, and whether somebody is signed in there. */
async function comeBack(browser: TestBrowser, to: URL) {
  const answer = await browser.send('GET', `${to.pathname}${to.search}`)
  const me = await browser.send('GET', '/v1/me')
  return { location: answer.headers.get('location'), me: me.status }
}

const letIn = { location: '/sign-in', me: 200 }
const refused = { location: '/sign-in#refused', me: 401 }

describe('signing in at an OpenID provider', () => {
  it('lets in who was linked, and sends PKCE, state and nonce along', async () => {
    const { id } = await people.add('anna')
    const identity = { issuer: acme.issuer, subject: 'anna-at-acme' }
    await people.client.person.update({ params: { personId: id }, body: { identity } })
    const { browser, location } = await begin()
    const asked = new URL(location).searchParams
    expect(Object.fromEntries(asked)).toMatchObject({
      ...{ response_type: 'code', code_challenge_method: 'S256', client_id: 'patchbay' },
      ...{
        state: expect.stringMatching(/^[\w-]{43}$/),
        nonce: expect.stringMatching(/^[\w-]{43}$/),
      },
    })
    const way = browser.kept.find((line) => line.startsWith('__Host-patchbay-way='))
    expect(way).toMatch(/; Max-Age=600; Path=\/; Secure; HttpOnly; SameSite=Lax$/)
    const returned = await acme.signIn(location, 'anna-at-acme')
    expect(await comeBack(browser, returned)).toEqual(letIn)
    expect((await browser.send('GET', '/v1/me')).json.name).toBe('anna the person')
  })

  it('matches a verified address where the configuration says so, once, and then by the link', async () => {
    const { id } = await people.add('berta', { email: 'berta@contoso.example' })
    await people.add('clara', { email: 'unverified-clara@contoso.example' })
    const first = await begin()
    const returned = await acme.signIn(first.location, 'berta')
    expect(await comeBack(first.browser, returned)).toEqual(letIn)
    const linked = await people.client.person.show({ params: { personId: id } })
    expect(linked.identity).toEqual({ issuer: acme.issuer, subject: 'berta' })
    const unverified = await begin()
    const back = await acme.signIn(unverified.location, 'unverified-clara')
    expect(await comeBack(unverified.browser, back)).toEqual(refused)
    const elsewhere = await begin('other')
    const from = await other.signIn(elsewhere.location, 'berta')
    expect(await comeBack(elsewhere.browser, from)).toEqual(refused)
  })

  it('lets in nobody who is disabled or unknown', async () => {
    const { id } = await people.add('dora', { email: 'dora@contoso.example' })
    await people.client.person.update({ params: { personId: id }, body: { disabled: true } })
    for (const account of ['dora', 'who-is-that']) {
      const { browser, location } = await begin()
      expect(await comeBack(browser, await acme.signIn(location, account))).toEqual(refused)
    }
  })
})

describe('D9: an answer of a provider', () => {
  beforeAll(async () => {
    await people.add('frieda', { email: 'frieda@contoso.example' })
  })

  it('D9: counts in the browser that asked, once, with its own state', async () => {
    const { browser, location } = await begin()
    const returned = await acme.signIn(location, 'frieda')
    expect(await comeBack(openBrowser(patchbay.url), returned)).toEqual(refused)
    const another = await begin()
    expect(await comeBack(another.browser, returned)).toEqual(refused)
    const changed = new URL(returned)
    changed.searchParams.set('state', 'x'.repeat(43))
    const tried = openBrowser(patchbay.url)
    const way = browser.cookies.get('__Host-patchbay-way') ?? ''
    tried.cookies.set('__Host-patchbay-way', way)
    expect(await comeBack(tried, changed)).toEqual(refused)
    const right = await begin()
    const again = await acme.signIn(right.location, 'frieda')
    const spare = await acme.signIn(right.location, 'frieda')
    const kept = right.browser.cookies.get('__Host-patchbay-way') ?? ''
    expect(await comeBack(right.browser, again)).toEqual(letIn)
    // The provider gave two codes for one round trip, and the browser kept its secret.
    right.browser.cookies.delete('__Host-patchbay-session')
    right.browser.cookies.set('__Host-patchbay-way', kept)
    expect(await comeBack(right.browser, spare)).toEqual(refused)
  })

  it('D9: a code of somebody else is worth nothing: PKCE', async () => {
    const [attacker, victim] = [await begin(), await begin()]
    // All is the victim's own but the challenge: the attacker does not know the verifier.
    const asked = new URL(victim.location)
    const challenge = new URL(attacker.location).searchParams.get('code_challenge') ?? ''
    asked.searchParams.set('code_challenge', challenge)
    const injected = await acme.signIn(asked.href, 'frieda')
    expect(await comeBack(victim.browser, injected)).toEqual(refused)
  })

  it('D9: an ID token for another nonce is worth nothing, though all else fits', async () => {
    const { browser, location } = await begin()
    const changed = new URL(location)
    changed.searchParams.set('nonce', 'y'.repeat(43))
    const returned = await acme.signIn(changed.href, 'frieda')
    expect(await comeBack(browser, returned)).toEqual(refused)
  })

  it('D9: mix-up: what one provider answers is not taken for another', async () => {
    const first = await begin('acme')
    const returned = await acme.signIn(first.location, 'frieda')
    expect(returned.searchParams.get('iss')).toBe(acme.issuer)
    returned.searchParams.set('iss', other.issuer)
    expect(await comeBack(first.browser, returned)).toEqual(refused)
    const second = await begin('acme')
    const told = other.asked.filter((path) => path.startsWith('/token'))
    const elsewhere = await acme.signIn(second.location, 'frieda')
    elsewhere.pathname = '/sign-in/return/other'
    elsewhere.searchParams.set('iss', other.issuer)
    expect(await comeBack(second.browser, elsewhere)).toEqual(refused)
    // Nor is the code told to the other, who might be the attacker.
    expect(other.asked.filter((path) => path.startsWith('/token'))).toEqual(told)
    const third = await begin('acme')
    const silent = await acme.signIn(third.location, 'frieda')
    silent.searchParams.delete('iss')
    expect(await comeBack(third.browser, silent)).toEqual(refused)
  })

  it('is on record when it was refused, and told to nobody but the log', async () => {
    const { rows } = await people.owner.query(
      `select action from audit where action in ('sign-in.refused', 'person.linked')`,
    )
    expect(rows.length).toBeGreaterThan(5)
    const lines = patchbay.log.filter(({ message }) => message.includes('OpenID provider'))
    expect(JSON.stringify(lines)).toContain('"provider":"acme"')
    expect(JSON.stringify(patchbay.log)).not.toContain(acme.clientSecret)
  })
})

describe('the configuration', () => {
  it('is refused with a secret others may read, a name twice, or no way back', async () => {
    const data = await mkdtemp(join(folder, 'data-'))
    const reading = async (value: object) => {
      await writeFile(join(data, 'patchbay.json'), JSON.stringify(value))
      return await readSettings({}, { data })
    }
    const open = join(folder, 'open-secret')
    await writeFile(open, 'secret', { mode: 0o644 })
    const provider = { ...(await configuration('acme', acme)), clientSecretFile: open }
    const publicUrl = 'https://patchbay.example.com'
    await expect(reading({ publicUrl, openIdProviders: [provider] })).rejects.toThrow(/chmod 600/)
    await expect(reading({ openIdProviders: [provider] })).rejects.toThrow(/need publicUrl/)
    const twice = [await configuration('acme', acme), await configuration('acme', acme)]
    await expect(reading({ publicUrl, openIdProviders: twice })).rejects.toThrow(/one name/)
    await expect(reading({ trustedProxies: ['10.0.0.0/33'] })).rejects.toThrow(/must be ranges/)
    expect(await reading(settings)).toMatchObject({ openIdProviders: [{ name: 'acme' }, {}] })
  })
})
