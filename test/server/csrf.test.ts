import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { api } from '../../src/contract/api.ts'
import { routesOf } from '../../src/contract/route.ts'
import { openBrowser, signIn, type TestBrowser } from './browser.ts'
import { startTestPatchbay, type TestPatchbay } from './patchbay.ts'
import { openPeople, type People } from './people.ts'

let patchbay: TestPatchbay
let people: People
let browser: TestBrowser
let another: TestBrowser

beforeAll(async () => {
  patchbay = await startTestPatchbay({ role: 'api' })
  people = await openPeople(patchbay)
  const { password } = await people.add('anna')
  browser = openBrowser(patchbay.url)
  another = openBrowser(patchbay.url)
  for (const each of [browser, another]) await signIn(each, 'anna', password)
})
afterAll(async () => {
  await people.close()
  await patchbay.close()
})

const writes = routesOf(api).filter(({ method }) => method !== 'GET')
const closed = writes.filter(({ permission }) => permission !== 'open')
const open = writes.filter(({ permission }) => permission === 'open')

/** Nobody is what they name: what passes the door finds nothing. */
const addressOf = (path: string) => path.replaceAll(/\{\w+\}/g, '999999')

const forged: Record<string, object> = {
  'from a page of another site': { origin: 'https://evil.example' },
  'from another port of this host': { origin: 'http://127.0.0.1:1' },
  'from nowhere (a sandboxed frame)': { origin: 'null' },
  'marked by the browser as cross-site': { 'sec-fetch-site': 'cross-site' },
  'marked by the browser as same-site': { 'sec-fetch-site': 'same-site' },
}
const unproven = (): Record<string, object> => ({
  'without the token': { 'x-csrf-token': '' },
  'with the token of another session of theirs': { 'x-csrf-token': another.csrfToken },
})

describe('D9: CSRF', () => {
  it('D9: each write is refused with a cookie alone', async () => {
    expect(closed.length).toBeGreaterThan(60)
    const passed: string[] = []
    for (const { name, method, path } of closed) {
      for (const [how, headers] of Object.entries({ ...forged, ...unproven() })) {
        const answer = await browser.send(method, addressOf(path), undefined, headers)
        const isRefused = answer.status === 403 && /page of Patchbay/.test(answer.json.detail)
        if (!isRefused) passed.push(`${name} ${how}: ${answer.status} ${answer.text}`)
      }
      const bare = await fetch(`${patchbay.url}${addressOf(path)}`, {
        method,
        headers: {
          cookie: [...browser.cookies].map(([key, value]) => `${key}=${value}`).join('; '),
          'x-csrf-token': browser.csrfToken,
        },
      })
      if (bare.status !== 403) passed.push(`${name} without an Origin: ${bare.status}`)
    }
    expect(passed).toEqual([])
    expect((await browser.send('GET', '/v1/me')).status).toBe(200)
  }, 60_000)

  it('D9: signing in, which needs no session, is refused from another site, too', async () => {
    const passed: string[] = []
    for (const { name, method, path } of open) {
      for (const [how, headers] of Object.entries(forged)) {
        const answer = await openBrowser(patchbay.url).send(method, path, {}, headers)
        if (answer.status !== 403) passed.push(`${name} ${how}: ${answer.status}`)
      }
    }
    expect(passed).toEqual([])
  })

  it('lets a page of ours write, and a token that no browser sends by itself', async () => {
    const made = await browser.send('POST', '/v1/tokens', { name: 'by the page' })
    expect(made.status, made.text).toBe(201)
    const answer = await fetch(`${patchbay.url}/v1/tokens/${made.json.id}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${made.json.token}`, origin: 'https://elsewhere.example' },
    })
    expect(answer.status).toBe(204)
  })

  it('is about no read: none changes anything', async () => {
    const answer = await browser.send('GET', '/v1/nodes', undefined, { 'x-csrf-token': '' })
    expect(answer.status).toBe(200)
  })
})

describe('pages of ours', () => {
  it('run no script but their own file, and stand in no frame', async () => {
    for (const path of ['/sign-in', '/consent']) {
      const { status, headers, text } = await browser.send('GET', path)
      expect(status).toBe(200)
      const policy = headers.get('content-security-policy') ?? ''
      expect(policy).toMatch(/default-src 'none'; script-src 'self';/)
      expect(policy).toMatch(/frame-ancestors 'none'/)
      expect(policy).not.toMatch(/unsafe|\*|data:/)
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      // An attribute such as onclick, or text between the tags, would be refused, and so be broken.
      expect(text).not.toMatch(/<script(?![^>]*\ssrc=)|\son\w+=|<style|\sstyle=|javascript:/i)
    }
    const script = await browser.send('GET', '/sign-in/page.js')
    expect(script.headers.get('content-type')).toContain('text/javascript')
  })
})

it('D8: an address is believed of no header unless the proxy is trusted', async () => {
  await people.owner.query('delete from sign_in_failure')
  for (const address of ['198.51.100.1', '198.51.100.2', '198.51.100.3']) {
    const headers = { 'x-forwarded-for': address, forwarded: `for=${address}` }
    const body = { login: 'nobody', password: 'guess' }
    await openBrowser(patchbay.url).send('POST', '/v1/session', body, headers)
  }
  const { rows } = await people.owner.query('select count(*)::int as n from sign_in_failure')
  // By login and address, by login around it, by login, by address: each once.
  expect(rows[0].n).toBe(4)
})
