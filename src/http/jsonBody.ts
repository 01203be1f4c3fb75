import { AppError, badInput, type FieldProblem } from '../core/errors.ts'
import { limits } from '../core/limits.ts'

const reserved = new Set(['__proto__', 'constructor', 'prototype'])

/** Nothing is unpacked here, so nothing small can become something huge. */
export function requireUnencoded(encoding: string | undefined): void {
  if (encoding === undefined || encoding.toLowerCase() === 'identity') return
  throw new AppError(
    'unsupported-media-type',
    'Send the body as it is, without a Content-Encoding; nothing was done.',
  )
}

/** The value of a JSON body; refuses bytes that are not UTF-8. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw badInput('body', 'is not well-formed JSON in UTF-8')
  }
}

/**
 * What no schema can say of values that come from outside, at any depth, free-form records too:
 * nothing PostgreSQL cannot store (NUL, half a surrogate pair), no number that JSON's reader has
 * already changed, no key that means something to JavaScript, no nesting without end.
 */
export function refuseHostile(part: string, value: unknown): void {
  const found = findHostile(value, 0)
  if (found === undefined) return
  const field = found.path.reduceRight(fieldPath, part)
  const fields: FieldProblem[] = [{ field, problem: found.problem }]
  throw new AppError('bad-input', `${field} ${found.problem}`, { fields })
}

/** `path` runs from the inside out: names are only gathered once something is wrong. */
interface Hostile {
  path: string[]
  problem: string
}

function findHostile(value: unknown, depth: number): Hostile | undefined {
  const problem = textProblem(value) ?? numberProblem(value)
  if (problem !== undefined) return { path: [], problem }
  if (typeof value !== 'object' || value === null) return undefined
  if (depth >= limits.requestDepthMax) return { path: [], problem: 'is nested too deeply' }
  for (const [key, member] of Object.entries(value)) {
    if (reserved.has(key)) return { path: [key], problem: 'is not a name that may be used' }
    const nameProblem = textProblem(key)
    if (nameProblem) return { path: [], problem: `has a member whose name ${nameProblem}` }
    const found = findHostile(member, depth + 1)
    if (found) return { path: [...found.path, key], problem: found.problem }
  }
  return undefined
}

function textProblem(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  if (value.includes('\u0000')) return 'holds the character NUL'
  if (!value.isWellFormed()) return 'holds half a character (a lone surrogate)'
  return undefined
}

function numberProblem(value: unknown): string | undefined {
  if (typeof value !== 'number') return undefined
  const exact = Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value)
  return exact ? undefined : 'is out of range'
}

/** A name from outside becomes part of a message: bounded, whatever its length. */
export function fieldPath(field: string, member: string): string {
  const name = member.length > 64 ? `${member.slice(0, 64).toWellFormed()}...` : member
  return `${field}.${name}`
}
