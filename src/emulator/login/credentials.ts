import type { Tenant } from '../directory/types.ts'
import { checkAssertion } from './assertion.ts'
import { refusal } from './errors.ts'
import type { LoginState } from './state.ts'

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** Which way the application proved itself; throws a TokenRefusal when it did not. */
export function signInWith(
  state: LoginState,
  tenant: Tenant,
  form: URLSearchParams,
  secret: string | undefined,
): 'secret' | 'certificate' {
  const assertion = form.get('client_assertion')
  if (assertion !== null && form.get('client_assertion_type') === assertionType) {
    checkAssertion(tenant, assertion, state.clock.now())
    return 'certificate'
  }
  const { app } = tenant
  const known = app.secrets.find((candidate) => candidate.text === secret)
  if (known === undefined) throw refusal('wrong secret', { appId: app.clientId })
  if (known.endsAt <= state.clock.now()) throw refusal('secret expired', { appId: app.clientId })
  return 'secret'
}
