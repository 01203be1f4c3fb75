// The page behind /sign-in: with a password, at an OpenID provider, by an invitation, and the yes
// to a command line. What a link brings stands behind its #, which no server or log ever sees.

const byId = (id) => document.getElementById(id)
const forms = ['password-form', 'invitation-form', 'command-line-form', 'signed-in-form']

/** What a command line asked for, kept over the round trip to an OpenID provider. */
const asked = 'patchbay command line'
let csrfToken = ''

async function call(method, path, body) {
  const headers = { 'x-csrf-token': csrfToken }
  if (body !== undefined) headers['content-type'] = 'application/json'
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) })
  const text = await answer.text()
  const value = text === '' ? undefined : JSON.parse(text)
  if (!answer.ok) throw new Error(problemText(value))
  return value
}

function problemText({ detail, retryAfterMs }) {
  if (retryAfterMs === undefined) return detail
  return `${detail} (${Math.ceil(retryAfterMs / 1000)} s)`
}

function say(text, good = false) {
  const message = byId('message')
  message.textContent = text
  message.hidden = text === ''
  message.classList.toggle('good', good)
}

function show(form) {
  for (const id of forms) byId(id).hidden = id !== form
  byId(form)?.querySelector('input')?.focus()
}

/** One submit at a time; what goes wrong is said, and the form stays as it is. */
function onSubmit(id, work) {
  const form = byId(id)
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    await busy(form, () => work(Object.fromEntries(new FormData(form))))
  })
}

async function busy(form, work) {
  const buttons = form.querySelectorAll('button')
  for (const button of buttons) button.disabled = true
  say('')
  try {
    await work()
  } catch (error) {
    say(error.message)
  } finally {
    for (const button of buttons) button.disabled = false
  }
}

onSubmit('password-form', async ({ login, password }) => {
  await call('POST', '/v1/session', { login, password })
  byId('password-form').reset()
  await begin()
})

onSubmit('invitation-form', async ({ password, again }) => {
  if (password !== again) throw new Error('The two are not the same.')
  const invitation = fragment().get('invitation')
  await call('POST', '/v1/invitations/accept', { invitation, password })
  byId('invitation-form').reset()
  history.replaceState(null, '', location.pathname)
  say('Your password is set. Sign in with it.', true)
  show('password-form')
})

onSubmit('command-line-form', async () => {
  const wanted = JSON.parse(sessionStorage.getItem(asked))
  sessionStorage.removeItem(asked)
  const { location: back } = await call('POST', '/v1/session/command-line', wanted)
  location.assign(back)
})

byId('refuse').addEventListener('click', () => {
  sessionStorage.removeItem(asked)
  say('The command line was not let in. You may close this page.', true)
  show('signed-in-form')
})

onSubmit('signed-in-form', async () => {
  await call('DELETE', '/v1/session')
  await begin()
})

byId('everywhere').addEventListener('click', () =>
  busy(byId('signed-in-form'), async () => {
    await call('DELETE', '/v1/sessions')
    await begin()
  }),
)

function fragment() {
  return new URLSearchParams(location.hash.slice(1))
}

/** Keeps what a command line asks for, and takes it out of the address and the history. */
function readCommandLine() {
  const given = fragment()
  const [redirectUri, challenge, state] = ['redirectUri', 'challenge', 'state'].map((name) =>
    given.get(name),
  )
  if (!redirectUri || !challenge || !state) return
  const device = given.get('device') ?? 'another machine'
  sessionStorage.setItem(asked, JSON.stringify({ redirectUri, challenge, state, device }))
  history.replaceState(null, '', location.pathname)
}

async function addProviders() {
  const { items } = await call('GET', '/v1/session/providers')
  const links = items.map(({ name, title }) => {
    const link = document.createElement('a')
    link.href = `/sign-in/openid/${encodeURIComponent(name)}`
    link.textContent = `Sign in with ${title}`
    return link
  })
  byId('providers').replaceChildren(...links)
}

async function begin() {
  if (fragment().has('invitation')) return show('invitation-form')
  readCommandLine()
  const me = await call('GET', '/v1/me').catch(() => undefined)
  if (me === undefined) {
    if (fragment().has('refused')) say('That sign-in was not accepted. Try again.')
    show('password-form')
    return await addProviders()
  }
  csrfToken = me.csrfToken ?? ''
  const wanted = sessionStorage.getItem(asked)
  if (wanted === null) {
    byId('name').textContent = me.name
    return show('signed-in-form')
  }
  byId('device').textContent = JSON.parse(wanted).device
  byId('person').textContent = me.name
  show('command-line-form')
}

window.addEventListener('hashchange', begin)
await begin()
