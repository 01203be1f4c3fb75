import type { Api } from '../../contract/api.ts'
import { limits } from '../../core/limits.ts'
import { Sealed } from '../../core/secret.ts'
import {
  beginConsent,
  type ConsentSettings,
  finishConsent,
  inviteToConsent,
} from '../../features/consent/consent.ts'
import type { Handlers } from '../../http/handlers.ts'
import { findActorAgain } from '../access.ts'
import type { ServerDependencies } from '../dependencies.ts'

export function consentHandlers({
  store,
  directory,
  browsers,
  pages,
}: ServerDependencies): Handlers<Api>['consent'] {
  const settings: ConsentSettings = {
    publicOrigin: browsers.publicOrigin,
    clouds: directory.clouds,
    actorNow: (actorId) => findActorAgain(store, actorId),
  }
  return {
    async invite(actor, { params }) {
      const { link, expiresAt } = await inviteToConsent(actor, store, settings, params.tenantId)
      const url = `${settings.publicOrigin}/consent/begin/${link.reveal()}`
      return { url, expiresAt: expiresAt.toISOString() }
    },
    async begin(_, { params }, { browser }) {
      const { location, way } = await beginConsent(store, settings, new Sealed(params.link))
      browser.setCookie('way', way, limits.roundTripMs)
      return { location }
    },
    async return(_, { query }, { browser }) {
      const way = browser.cookie('way')
      browser.clearCookie('way')
      try {
        await finishConsent(store, settings, way, query)
        return { location: '/consent#given' }
      } catch {
        // A person looks at this answer; what they can do about it is the same for all reasons.
        return { location: '/consent#not-given' }
      }
    },
    page: async () => pages.consent,
  }
}
