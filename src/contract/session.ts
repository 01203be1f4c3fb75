import { limits } from '../core/limits.ts'
import { route } from './route.ts'
import { Closed, Nullable, Text, Time } from './schemas.ts'
import { Type } from './type.ts'

const Password = Type.String({ minLength: 1, maxLength: limits.passwordCharsMax })
const Secret = Text({ minLength: 1, maxLength: 256 })
const Base64Url = Type.String({ pattern: '^[A-Za-z0-9_-]{43,128}$' })

/** Who you are, and how you came to be. */
export const sessionRoutes = {
  show: route({
    name: 'session.show',
    method: 'GET',
    path: '/v1/me',
    summary: 'Who you are signed in as, and your scope',
    permission: 'signed-in',
    answer: Closed({
      id: Type.String(),
      name: Type.String(),
      scope: Type.String(),
      /** For pages: what a write has to carry in x-csrf-token. Null for access tokens. */
      csrfToken: Nullable(Type.String()),
    }),
    status: 200,
  }),
  begin: route({
    name: 'session.begin',
    method: 'POST',
    path: '/v1/session',
    summary: 'Sign in with login and password; the session is kept in a cookie',
    permission: 'open',
    body: Closed({ login: Text({ minLength: 1, maxLength: 255 }), password: Password }),
    answer: Closed({ csrfToken: Type.String() }),
    status: 200,
  }),
  end: route({
    name: 'session.end',
    method: 'DELETE',
    path: '/v1/session',
    summary: 'Sign out: end the session, or the access token, you came with',
    permission: 'signed-in',
    status: 204,
  }),
  endAll: route({
    name: 'session.endAll',
    method: 'DELETE',
    path: '/v1/sessions',
    summary: 'Sign out everywhere: end every session of yours; access tokens live on',
    permission: 'signed-in',
    status: 204,
  }),
  changePassword: route({
    name: 'session.changePassword',
    method: 'PUT',
    path: '/v1/me/password',
    summary: 'Change your password; every other session of yours ends',
    permission: 'signed-in',
    body: Closed({ current: Password, password: Password }),
    status: 204,
  }),
  acceptInvitation: route({
    name: 'session.acceptInvitation',
    method: 'POST',
    path: '/v1/invitations/accept',
    summary: 'Choose the password of the person an invitation is for; it works once',
    permission: 'open',
    body: Closed({ invitation: Secret, password: Password }),
    status: 204,
  }),
  providers: route({
    name: 'session.providers',
    method: 'GET',
    path: '/v1/session/providers',
    summary: 'The OpenID providers one may sign in at',
    permission: 'open',
    answer: Closed({
      items: Type.Array(Closed({ name: Type.String(), title: Type.String() })),
    }),
    status: 200,
  }),
  admitCommandLine: route({
    name: 'session.admitCommandLine',
    method: 'POST',
    path: '/v1/session/command-line',
    summary: 'Let a command line on your machine act as you; answers where the browser goes',
    permission: 'signed-in',
    body: Closed({
      redirectUri: Text({ maxLength: 128 }),
      challenge: Base64Url,
      state: Base64Url,
      device: Text({ minLength: 1, maxLength: 128 }),
    }),
    answer: Closed({ location: Type.String() }),
    status: 200,
  }),
  exchangeCode: route({
    name: 'session.exchangeCode',
    method: 'POST',
    path: '/v1/session/token',
    summary: 'The code a command line was given, for an access token; it works once',
    permission: 'open',
    body: Closed({ code: Secret, verifier: Base64Url }),
    answer: Closed({ token: Type.String(), expiresAt: Time }),
    status: 200,
  }),
}

const provider = Closed({ provider: Text({ minLength: 1, maxLength: 64 }) })

/** For browsers: the page people sign in at, and the way through an OpenID provider. */
export const signInRoutes = {
  page: route({
    name: 'signIn.page',
    method: 'GET',
    path: '/sign-in',
    summary: 'The page people sign in at',
    permission: 'open',
    produces: 'text/html',
    status: 200,
  }),
  script: route({
    name: 'signIn.script',
    method: 'GET',
    path: '/sign-in/page.js',
    summary: 'Its script',
    permission: 'open',
    produces: 'text/javascript',
    status: 200,
  }),
  style: route({
    name: 'signIn.style',
    method: 'GET',
    path: '/sign-in/page.css',
    summary: 'Its style',
    permission: 'open',
    produces: 'text/css',
    status: 200,
  }),
  openId: route({
    name: 'signIn.openId',
    method: 'GET',
    path: '/sign-in/openid/{provider}',
    summary: 'Go to an OpenID provider to sign in there',
    permission: 'open',
    params: provider,
    status: 303,
  }),
  return: route({
    name: 'signIn.return',
    method: 'GET',
    path: '/sign-in/return/{provider}',
    summary: 'Where an OpenID provider sends people back to',
    permission: 'open',
    params: provider,
    query: Type.Record(Type.String(), Text({ maxLength: 8_192 })),
    status: 303,
  }),
}
