import { pino } from 'pino'
import { escapeJson } from '../cli/escape.ts'
import type { Log } from '../store/log.ts'

/**
 * JSON lines on standard error. `Sealed` prints as `[secret]` by its type; the paths below catch
 * headers somebody logs whole. Control and direction marks in what strangers named are escaped, so
 * that a line stays one line on any screen.
 */
export function createLog(process: { pid: number }, write: (line: string) => void): Log {
  const headers = ['authorization', 'proxy-authorization', 'cookie', 'set-cookie']
  const paths = headers.flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`])
  return pino(
    { base: { pid: process.pid }, redact: { paths, censor: '[secret]' } },
    { write: (line: string) => write(escapeJson(line)) },
  )
}
