import { cloudNames, clouds, loginHosts } from '../clouds.ts'
import type { Tenant } from '../directory/types.ts'
import { jsonReply, type Reply, type Request } from '../exchange.ts'
import type { LoginState } from './state.ts'

/** The OpenID document of a tenant, with every address under the host that was asked. */
export function answerDiscovery(tenant: Tenant, request: Request): Reply {
  const authority = `https://${request.host}/${tenant.id}`
  const cloud = clouds[tenant.cloud]
  return jsonReply(200, {
    token_endpoint: `${authority}/oauth2/v2.0/token`,
    token_endpoint_auth_methods_supported: [
      'client_secret_post',
      'private_key_jwt',
      'client_secret_basic',
      'self_signed_tls_client_auth',
    ],
    jwks_uri: `${authority}/discovery/v2.0/keys`,
    response_modes_supported: ['query', 'fragment', 'form_post'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    issuer: `${authority}/v2.0`,
    request_uri_parameter_supported: false,
    userinfo_endpoint: `https://${cloud.graphHost}/oidc/userinfo`,
    authorization_endpoint: `${authority}/oauth2/v2.0/authorize`,
    device_authorization_endpoint: `${authority}/oauth2/v2.0/devicecode`,
    http_logout_supported: true,
    frontchannel_logout_supported: true,
    end_session_endpoint: `${authority}/oauth2/v2.0/logout`,
    claims_supported: ['sub', 'iss', 'aud', 'exp', 'iat', 'tid', 'ver', 'oid'],
    kerberos_endpoint: `${authority}/kerberos`,
    tenant_region_scope: cloud.region,
    cloud_instance_name: cloud.instance,
    cloud_graph_host_name: cloud.graphWindowsHost,
    msgraph_host: cloud.graphHost,
    rbac_url: 'https://pas.windows.net',
  })
}

/** Which hosts belong together; the client asks it of a host that it does not know. */
export function answerInstances(request: Request): Reply {
  const asked = new URLSearchParams(request.queryText).get('authorization_endpoint') ?? ''
  if (!URL.canParse(asked)) return jsonReply(400, { error: 'invalid_instance' })
  const endpoint = new URL(asked)
  const known = loginHosts.includes(endpoint.hostname) || endpoint.host === request.host
  if (!known) {
    return jsonReply(400, {
      error: 'invalid_instance',
      error_description: `AADSTS50049: Unknown or invalid instance.`,
      error_codes: [50049],
    })
  }
  const tenantName = endpoint.pathname.split('/')[1] ?? 'common'
  return jsonReply(200, {
    tenant_discovery_endpoint: `https://${endpoint.host}/${tenantName}/v2.0/.well-known/openid-configuration`,
    'api-version': '1.1',
    metadata: cloudNames
      // The two of the American government share one sign-in.
      .filter((name) => name !== 'usGovDoD')
      .map((name) => {
        const [network, cache = network] = clouds[name].loginHosts
        return {
          preferred_network: network,
          preferred_cache: name === 'global' ? cache : network,
          aliases: clouds[name].loginHosts,
        }
      }),
  })
}

export function answerKeys(state: LoginState, tenant: Tenant): Reply {
  const { keys } = state
  const jwk = keys.publicKey.export({ format: 'jwk' })
  const [loginHost] = clouds[tenant.cloud].loginHosts
  const issuer = `https://${loginHost}/${tenant.id}/v2.0`
  return jsonReply(200, {
    keys: [{ ...jwk, use: 'sig', kid: keys.keyId, x5t: keys.keyId, issuer }],
  })
}
