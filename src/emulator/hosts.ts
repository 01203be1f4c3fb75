import { bareHost, graphHosts, loginHosts } from './clouds.ts'

/** Every name the emulator's certificate is good for. */
export const hostNames: readonly string[] = ['localhost', ...loginHosts, ...graphHosts]

/** `notification`: what the emulator itself sends to those who subscribed. */
export type Service = 'login' | 'graph' | 'control' | 'notification'

const loginPaths = /^\/[^/]+\/(oauth2|discovery|v2\.0|\.well-known|adminconsent)(\/|$)/

/**
 * Which service a request is for. Microsoft's own names decide by themselves; under any other name
 * (localhost, an address) the path does, so that one address serves everything.
 */
export function serviceOf(host: string, path: string): Service | undefined {
  if (path.startsWith('/_control/')) return 'control'
  const name = bareHost(host)
  if (loginHosts.includes(name)) return 'login'
  if (graphHosts.includes(name)) return 'graph'
  if (/^\/(v1\.0|beta)(\/|$)/i.test(path)) return 'graph'
  return loginPaths.test(path) ? 'login' : undefined
}
