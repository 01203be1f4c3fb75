import type { Finding } from './source.ts'

/**
 * The repository speaks of itself alone: nothing in it is true only on one machine, for one
 * package source, or in the story of how it was written. The patterns are written so that they do
 * not match this file.
 */
const foreign: readonly { pattern: RegExp; message: string }[] = [
  {
    pattern: /(^|[^\w.~/-])\/(root|home|work|Users)\/[\w.]/,
    message: 'is a path of one machine: make it relative, or an argument.',
  },
  {
    pattern: /\bregistry\.(npmjs|yarnpkg|npmmirror)\.|\bnpm\.pkg\.github\.|"resolved":\s"http/,
    message: 'names a package host: npm is configured where it runs.',
  },
  {
    pattern: /\b(issue|ticket|pr) #\d|\bthis (issue|ticket|session)\b|\b(in|of|from) session \d/i,
    message: 'tells how this was worked on: say why it is so, for someone who was not there.',
  },
  {
    pattern:
      /\bsub-?agents?\b|\bas an ai\b|\bllm\b|\blanguage model\b|\bthe (brief|prompt) says\b/i,
    message: 'tells how this was worked on: say why it is so, for someone who was not there.',
  },
]

/** Lines that speak of something else than the project. */
export function foreignWords({ path, text }: { path: string; text: string }): Finding[] {
  return text
    .split('\n')
    .flatMap((line, index) =>
      foreign
        .filter(({ pattern }) => pattern.test(line))
        .map(({ message }) => ({ path, line: index + 1, message: `${message} (${line.trim()})` })),
    )
}
