import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { figure } from '../figures/figure.ts'
import { until } from '../journeys/world.ts'
import { hasChromium, openPage, type Page } from './chromium.ts'
import { startTestPatchbay, type TestPatchbay } from './patchbay.ts'
import { openPeople, type People } from './people.ts'

/** Each would leave `window.ran` behind, were it more than text. */
const hostile = [
  '<script>window.ran = 1</script>',
  '<img src=x onerror="window.ran = 1">',
  '"><svg onload=window.ran=1>',
  "'-(window.ran = 1)-'",
  '<a href="javascript:window.ran=1" autofocus onfocus=window.ran=1>x</a>',
  '<iframe srcdoc="<script>parent.ran = 1</script>"></iframe>',
  '{{constructor.constructor("window.ran = 1")()}}',
  '</strong><style>*{display:none}</style>&lt;b&gt; &amp; %3Cb%3E',
  "\u2018\u2019\u201a\u201b \u201c\u201d\u201e ` $() ; | & # @' --% \u2013\u2014 %ENV% \\u003cb\\u003e",
]

let patchbay: TestPatchbay
let people: People
let page: Page
let person: { id: number; password: string }

if (!hasChromium) console.info('No page was opened: Chromium is not installed.')

describe.runIf(hasChromium)('a page in a browser', () => {
  beforeAll(async () => {
    patchbay = await startTestPatchbay({ role: 'api' })
    people = await openPeople(patchbay)
    person = await people.add('paula')
    page = await openPage()
    await page.goTo(`${patchbay.url}/sign-in`)
    await shown('password-form')
    const fill = `const { login, password } = document.getElementById('password-form').elements;
      login.value = 'paula'; password.value = ${JSON.stringify(person.password)};
      login.form.requestSubmit()`
    await page.evaluate(fill)
    await shown('signed-in-form')
  }, 60_000)
  afterAll(async () => {
    await page.close()
    await people.close()
    await patchbay.close()
  })

  // Fails when a page takes text for HTML.
  it('F8: shows hostile names of people as the text they are', async () => {
    for (const name of hostile) {
      await people.client.person.update({ params: { personId: person.id }, body: { name } })
      await page.goTo('about:blank')
      await page.goTo(`${patchbay.url}/sign-in`)
      await shown('signed-in-form')
      expect(await textOf('name')).toBe(name)
      expect(await page.evaluate('window.ran')).toBeUndefined()
    }
    figure('hostile names shown', hostile.length, '>= 9')
  })

  it('F8: shows what a link says of a command line as the text it is', async () => {
    for (const device of hostile) {
      const given = { redirectUri: 'http://127.0.0.1:1/callback', challenge: 'c', state: 's' }
      // Else only what is behind the # would change, and the page would stay.
      await page.goTo('about:blank')
      await page.goTo(`${patchbay.url}/sign-in#${new URLSearchParams({ ...given, device })}`)
      await shown('command-line-form')
      expect(await textOf('device')).toBe(device)
      expect(await page.evaluate('window.ran')).toBeUndefined()
    }
  })

  // Fails when the policy of the pages allows what is inline.
  it('F8: runs nothing that came into it all the same', async () => {
    const added = `const script = document.createElement('script');
      script.textContent = 'window.ran = 1'; document.body.append(script);
      document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="window.ran = 1">')`
    await page.evaluate(added)
    await wait(500)
    expect(await page.evaluate('window.ran')).toBeUndefined()
  })
})

const textOf = (id: string) => page.evaluate(`document.getElementById('${id}').textContent`)

async function shown(form: string): Promise<void> {
  const isShown = `document.getElementById('${form}')?.hidden === false`
  await until(form, 15_000, async () => (await page.evaluate(isShown)) === true)
}
