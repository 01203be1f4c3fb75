import { describe, expect, it } from 'vitest'
import { api } from '../../src/contract/api.ts'
import { type Route, route, routesOf } from '../../src/contract/route.ts'
import { bindHandlers } from '../../src/http/handlers.ts'

/**
 * The routes that ask for no permission, each with why. The list only ever shrinks, or a route of
 * the same kind takes the place of another.
 */
const exemptions: Readonly<Record<'open' | 'signed-in', Readonly<Record<string, string>>>> = {
  open: {
    'health.live': 'asked by what restarts processes, which has no account',
    'health.ready': 'asked by load balancers; says nothing but whether',
    'notification.receive': 'called by Microsoft; whatever it says, the answer is the same',
    'signIn.page': 'a page without data',
    'signIn.script': 'of that page',
    'signIn.style': 'of that page',
    'signIn.openId': 'sends a browser to its provider',
    'signIn.return': 'comes back from there; counts once, in that browser',
    'session.providers': 'what the page offers: names of providers',
    'session.begin': 'the sign-in itself, with a password',
    'session.exchangeCode': 'a code that works once, and a minute',
    'session.acceptInvitation': 'an invitation that works once',
    'consent.page': 'a page without data',
    'consent.begin': 'a link that works once, for an administrator without an account here',
    'consent.return': 'comes back from Microsoft; counts once, in that browser',
  },
  'signed-in': {
    'session.show': 'who one is',
    'session.end': "one's own",
    'session.endAll': "one's own",
    'session.changePassword': "one's own, with the former one",
    'session.admitCommandLine': 'a code for oneself',
    'token.create': "of one's own; somebody else's takes the permission at their node",
    'token.list': "of one's own, and those one may read",
    'token.revoke': "of one's own; somebody else's takes the permission at their node",
    'model.list': 'what kinds of objects there are is no secret',
    'model.show': 'the same',
    'permission.list': 'what Microsoft has to be asked for is no secret',
  },
}

describe('D2: every route asks for a permission', () => {
  it('but those listed with their reason', () => {
    const without = Map.groupBy(routesOf(api), ({ permission }) =>
      typeof permission === 'string' ? permission : 'asked',
    )
    for (const kind of ['open', 'signed-in'] as const) {
      const names = (without.get(kind) ?? []).map(({ name }) => name)
      expect(names.sort(), kind).toEqual(Object.keys(exemptions[kind]).sort())
    }
    expect(without.get('asked')?.length).toBeGreaterThan(90)
  })

  it.each([
    ['none', undefined],
    ['an empty type', { operation: 'Read', type: '' }],
    ['an operation that is none', { operation: 'Look', type: 'data/Thing' }],
    ['a word that is none', 'everybody'],
  ])('or the server does not start: %s', (_what, permission) => {
    const show = { ...route(plain), permission } as Route
    const bind = () => bindHandlers({ thing: { show } }, { thing: { show: async () => undefined } })
    expect(bind).toThrow(/did not start: thing.show is without a permission/)
  })
})

const plain: Route = {
  ...{ name: 'thing.show', method: 'GET', path: '/v1/thing', summary: 'x', status: 204 },
  permission: 'open',
}
