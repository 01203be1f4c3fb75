import type { Api } from '../../contract/api.ts'
import { limits } from '../../core/limits.ts'
import { Sealed } from '../../core/secret.ts'
import type { SignIns } from '../../features/audit/signIns.ts'
import { homeOf } from '../../features/hierarchy/root.ts'
import { admitCommandLine, exchangeCode } from '../../features/people/commandLine.ts'
import { revokeOwnToken } from '../../features/people/tokens.ts'
import { beginOpenId, finishOpenId } from '../../features/signIn/openIdSignIn.ts'
import { signInWithPassword } from '../../features/signIn/passwordSignIn.ts'
import { type SignedIn, signOut } from '../../features/signIn/sessions.ts'
import { acceptInvitation, changePassword } from '../../features/signIn/setPassword.ts'
import { type Browser, csrfTokenOf } from '../../http/browser.ts'
import type { Handlers, RequestContext } from '../../http/handlers.ts'
import type { ServerDependencies } from '../dependencies.ts'

type Sessions = Pick<Handlers<Api>, 'session' | 'signIn'>

/** Who comes in, by which way, and how they leave. */
export function sessionHandlers(dependencies: ServerDependencies, signIns: SignIns): Sessions {
  const { store, openId } = dependencies
  return {
    session: {
      show: async (actor, _, { credential }) => ({
        ...{ id: actor.id, name: actor.name, scope: homeOf(actor) },
        csrfToken: credential?.kind === 'session' ? csrfTokenOf(credential.secret) : null,
      }),
      async begin(_, { body }, { browser }) {
        const given = { login: body.login, password: new Sealed(body.password) }
        const signedIn = await signInWithPassword(store, signIns, given, placeOf(browser))
        keep(browser, signedIn)
        return { csrfToken: csrfTokenOf(signedIn.session) }
      },
      async end(actor, _, { credential, browser }) {
        if (credential?.kind === 'session') {
          await signOut(actor, store, { session: credential.secret })
          browser.clearCookie('session')
        } else await revokeOwnToken(actor, store)
      },
      async endAll(actor, _, { browser }) {
        await signOut(actor, store, 'everywhere')
        browser.clearCookie('session')
      },
      async changePassword(actor, { body }, { browser, credential }) {
        const given = { current: new Sealed(body.current), password: new Sealed(body.password) }
        const session = credential?.kind === 'session' ? credential.secret : undefined
        await changePassword(actor, store, given, { ...placeOf(browser), session })
      },
      async acceptInvitation(_, { body }) {
        const { invitation, password } = body
        const given = { invitation: new Sealed(invitation), password: new Sealed(password) }
        await acceptInvitation(store, signIns, given)
      },
      providers: async () => ({
        items: openId.providers.map(({ name, title }) => ({ name, title })),
      }),
      admitCommandLine: (actor, { body }) => admitCommandLine(actor, store, body),
      async exchangeCode(_, { body }) {
        const given = { code: new Sealed(body.code), verifier: new Sealed(body.verifier) }
        const { token, expiresAt } = await exchangeCode(store, signIns, given)
        return { token: token.reveal(), expiresAt: expiresAt.toISOString() }
      },
    },
    signIn: signInPages(dependencies, signIns),
  }
}

function signInPages(
  { store, openId, pages, log }: ServerDependencies,
  signIns: SignIns,
): Sessions['signIn'] {
  return {
    page: async () => pages.signIn.html,
    script: async () => pages.signIn.script,
    style: async () => pages.signIn.style,
    async openId(_, { params }, { browser }) {
      const { location, way } = await beginOpenId(openId, params.provider)
      browser.setCookie('way', way, limits.roundTripMs)
      return { location }
    },
    async return(_, { params, query }, context) {
      const { browser } = context
      const way = browser.cookie('way')
      browser.clearCookie('way')
      const kept = { way, device: browser.cookie('device') }
      const came = { name: params.provider, ...kept, query: new URLSearchParams(query).toString() }
      try {
        keep(browser, await finishOpenId(store, { signIns, log }, openId, came))
        return { location: '/sign-in' }
      } catch {
        // A person looks at this answer, not a program: the log says why, the page that it failed.
        return { location: '/sign-in#refused' }
      }
    },
  }
}

function placeOf(browser: RequestContext['browser']) {
  return { address: browser.address, device: browser.cookie('device') }
}

/** The session until the browser ends; that the device is known for longer. */
function keep(browser: Browser, { session, device }: SignedIn): void {
  browser.setCookie('session', session)
  browser.setCookie('device', device, limits.knownDeviceMs)
}
