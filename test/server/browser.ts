/** What a browser does around a fetch: it keeps cookies, and says from which page it comes. */
export interface TestBrowser {
  cookies: Map<string, string>
  /** Every set-cookie header so far, as it came. */
  kept: string[]
  csrfToken: string
  send(method: string, path: string, body?: unknown, headers?: object): Promise<BrowserAnswer>
}

export interface BrowserAnswer {
  status: number
  headers: Headers
  text: string
  json: ReturnType<typeof JSON.parse>
}

/** `url` is the server's; redirects are answers, and not followed. */
export function openBrowser(url: string): TestBrowser {
  const browser: TestBrowser = {
    cookies: new Map(),
    kept: [],
    csrfToken: '',
    async send(method, path, body, headers = {}) {
      const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const answer = await fetch(new URL(path, url), {
        ...{ method, redirect: 'manual' },
        headers: {
          ...(method !== 'GET' && { origin: url, 'sec-fetch-site': 'same-origin' }),
          ...(browser.csrfToken && { 'x-csrf-token': browser.csrfToken }),
          ...(cookie && { cookie }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      for (const line of answer.headers.getSetCookie()) keep(browser, line)
      const text = await answer.text()
      const isJson = /json/.test(answer.headers.get('content-type') ?? '')
      return {
        ...{ status: answer.status, headers: answer.headers, text },
        json: isJson ? JSON.parse(text) : undefined,
      }
    },
  }
  return browser
}

function keep(browser: TestBrowser, line: string): void {
  browser.kept.push(line)
  const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
  if (/max-age=0(;|$)/i.test(line)) browser.cookies.delete(name)
  else browser.cookies.set(name, value)
}

/** Signs in with a password; what the server answers. */
export async function signIn(
  browser: TestBrowser,
  login: string,
  password: string,
): Promise<BrowserAnswer> {
  const answer = await browser.send('POST', '/v1/session', { login, password })
  if (answer.status === 200) browser.csrfToken = answer.json.csrfToken
  return answer
}
