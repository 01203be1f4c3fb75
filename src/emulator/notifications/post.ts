import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { limits } from '../../core/limits.ts'
import type { Notifier } from './types.ts'

export interface PostAnswer {
  status: number
  contentType: string
  body: string
}

/** One POST to a subscriber; undefined when there was no answer in time. Follows no redirect. */
export function post(
  { trusted, closed }: Pick<Notifier, 'trusted' | 'closed'>,
  url: URL,
  { contentType, body }: { contentType: string; body: string },
  timeoutMs: number,
): Promise<PostAnswer | undefined> {
  const signal = AbortSignal.any([closed.signal, AbortSignal.timeout(timeoutMs)])
  const headers = { 'content-type': contentType, 'content-length': Buffer.byteLength(body) }
  const options = { method: 'POST', headers, signal, agent: false }
  return new Promise((resolve) => {
    const outgoing =
      url.protocol === 'https:'
        ? httpsRequest(url, { ...options, ca: [...trusted] })
        : httpRequest(url, options)
    const fail = () => {
      outgoing.destroy()
      resolve(undefined)
    }
    outgoing.on('error', fail)
    outgoing.on('response', (answer) => {
      const chunks: Buffer[] = []
      let size = 0
      answer.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > limits.emulatorNotifyAnswerBytes) fail()
        else chunks.push(chunk)
      })
      answer.on('error', fail)
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          contentType: answer.headers['content-type'] ?? '',
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      )
    })
    outgoing.end(body)
  })
}
