import type { GraphCall } from '../../core/call.ts'
import { AppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'

const version = '/v1.0/'

/** The address of a call: every segment and value encoded for its place. */
export function callUrl(graph: string, { path, query }: GraphCall): URL {
  for (const segment of path) {
    // `..` survives percent-encoding, and URL would then climb to another resource.
    if (segment === '' || segment === '.' || segment === '..') {
      throw new AppError('bad-input', 'A key is empty or made of dots only; nothing was sent.')
    }
  }
  const segments = path.map(encodeSegment).join('/')
  const options = Object.entries(query)
    .map(([name, value]) => `${encode(name).replaceAll('%24', '$')}=${encode(value)}`)
    .join('&')
  return new URL(`${graph}${version}${segments}${options === '' ? '' : `?${options}`}`)
}

/** `$batch` and the like are names of Graph, never a key; their sign is not part of a value. */
function encodeSegment(segment: string): string {
  return /^\$(batch|count|ref|value)$/.test(segment) ? segment : encode(segment)
}

function encode(text: string): string {
  // Half a surrogate pair has no UTF-8 form; encodeURIComponent would throw its own error.
  if (!text.isWellFormed()) throw new AppError('bad-input', 'A value is not valid Unicode text.')
  return encodeURIComponent(text)
}

/**
 * A link out of an answer (`@odata.nextLink`, `@odata.deltaLink`), or a cursor made of one. Only
 * the tenant's own Graph, by the version we use, is followed: whoever can place another link in an
 * answer would otherwise be sent a token. Throws `microsoft-broken-answer`.
 */
export function linkUrl(graph: string, link: unknown): URL {
  const url = ownUrl(graph, link)
  if (url !== undefined) return url
  throw new AppError(
    'microsoft-broken-answer',
    'Graph named a next page that is not below its own address. It was not followed, and no token was sent.',
  )
}

/** The link as an address below the tenant's own Graph; undefined when it is none. */
export function ownUrl(graph: string, link: unknown): URL | undefined {
  if (typeof link !== 'string' || link.length > limits.linkCharsMax) return undefined
  const url = URL.parse(link)
  if (url === null) return undefined
  const ours = url.origin === graph && url.username === '' && url.password === ''
  return ours && url.pathname.startsWith(version) && url.hash === '' ? url : undefined
}

/** For logs: the path without what identifies an object, `GET users/{}/manager`. */
export function operationName(method: string, url: URL): string {
  const segments = url.pathname.slice(version.length).split('/')
  return `${method} ${segments.map((each) => (isWord(each) ? each : '{}')).join('/')}`
}

/** Names of resources are letters only; ids hold digits, user principal names an `@`. */
function isWord(segment: string): boolean {
  return /^\$?[a-zA-Z]{1,40}$/.test(segment)
}
