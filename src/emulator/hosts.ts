/** Under which names Microsoft's sign-in and Graph are reached, by national cloud. */
const loginHosts = [
  'login.microsoftonline.com',
  'login.microsoftonline.us',
  'login.partner.microsoftonline.cn',
]
const graphHosts = ['graph.microsoft.com', 'graph.microsoft.us', 'microsoftgraph.chinacloudapi.cn']

/** Every name the emulator's certificate is good for. */
export const hostNames: readonly string[] = ['localhost', ...loginHosts, ...graphHosts]

/** `notification`: what the emulator itself sends to those who subscribed. */
export type Service = 'login' | 'graph' | 'control' | 'notification'

/**
 * Which service a request is for. Microsoft's own names decide by themselves; under any other name
 * (localhost, an address) the path does, so that one address serves everything.
 */
export function serviceOf(host: string, path: string): Service | undefined {
  if (path.startsWith('/_control/')) return 'control'
  const name = host.replace(/:\d+$/, '').toLowerCase()
  if (loginHosts.includes(name)) return 'login'
  if (graphHosts.includes(name)) return 'graph'
  if (/^\/(v1\.0|beta)(\/|$)/.test(path)) return 'graph'
  if (/^\/[^/]+\/(oauth2|discovery|v2\.0|\.well-known)(\/|$)/.test(path)) return 'login'
  return undefined
}
