import type { Json } from '../../src/core/json.ts'
import { isPlain } from './fits.ts'

/** One value that does not belong where it is sent, as JSON text and read. */
export interface Hostile {
  what: string
  json: string
  value: Json
  /** If not, refused wherever it stands in a body, whatever the schema there says. */
  isPlain: boolean
}

/** Enough of the legal texts for routes whose every success takes long. */
export const fewLegal: readonly string[] = [
  ...['U+2028', 'right-to-left override', 'combining marks', 'Turkish i', 'a formula', 'SQL'],
]

/**
 * Tried in every field each time: another type, too much, what no text may hold, what JavaScript
 * would trip over. Of the other texts a field gets a third, but for `make figures`.
 */
export function isForEach({ what, json }: Hostile): boolean {
  return !json.startsWith('"') || forEach.includes(what)
}

const forEach: readonly string[] = [
  ...['empty', 'a megabyte', '6,000 characters', 'line ends', 'an escape sequence', '__proto__'],
  ...['a delete character', 'NUL', 'half a surrogate pair', 'the other half', 'a number as text'],
]

/** In the form of the places at which lists go on. */
function cursor(json: string): string {
  return Buffer.from(json).toString('base64url')
}

const texts: readonly [string, string][] = [
  ['empty', ''],
  ['a space', ' '],
  ['spaces around', ' a '],
  ['a megabyte', 'x'.repeat(1_000_000)],
  ['6,000 characters', 'y'.repeat(6_000)],
  ['255 characters of four bytes', '\u{1f4de}'.repeat(255)],
  ['line ends', 'a\r\nX-Injected: 1\r\n\r\n'],
  ['an escape sequence', '\u001b[2J\u0007'],
  ['a delete character', 'a\u007fb'],
  ['U+2028', 'a\u2028b'],
  ['right-to-left override', 'a\u202eb\u2066c'],
  ['combining marks', `e${'\u0301'.repeat(50)}`],
  ['a byte order mark', '\ufeffa'],
  ['Turkish i', '\u0130stanbul \u0131i\u0307'],
  ['a ligature and sharp s', '\ufb01\u00df\u1e9e'],
  ['another width', '\uff21\uff22\uff0e'],
  ['joined emoji', '\u{1f469}\u200d\u{1f469}\u200d\u{1f467}'],
  ['constructor', 'constructor'],
  ['__proto__', '__proto__'],
  ['a number as text', '1'],
  ['an exponent', '1e3'],
  ['hexadecimal', '0x10'],
  ['a sign', '+1'],
  ['20 digits', '99999999999999999999'],
  ['NaN', 'NaN'],
  ['Infinity', '-Infinity'],
  ['a boolean as text', 'TRUE'],
  ['a date out of range', '2026-02-30T25:61:61Z'],
  ['a year out of range', '+275761-01-01T00:00:00.000Z'],
  ['SQL', "'; drop table node; --"],
  ['a pattern', '%_\\'],
  ['OData', "x' or startswith(displayName,'a"],
  ['LDAP', '*)(uid=*))(|(uid=*'],
  ['PowerShell', '$(Remove-Item -Recurse C:\\); `n & { exit }'],
  ['smart quotes', '\u2018\u2019\u201a\u201b; Remove-Item x \u201c\u201d\u201e'],
  ['a path', '../../etc/passwd'],
  ['an encoded path', '..%2f..%2fnodes'],
  ['an address inside', 'http://169.254.169.254/latest/'],
  ['a template', '#{7*7}{{7*7}}<%= 7 %>'],
  ['a formula', '=1+1'],
  ['HTML', '<img src=x onerror=alert(1)>'],
  ['a cursor with NUL', cursor('["a\\u0000",1]')],
  ['a cursor with half a character', cursor('["\\ud800",1]')],
  ['a cursor with a fraction', cursor('["a",1.5]')],
  ['a cursor with another shape', cursor('{"0":"a","1":1}')],
  ['a cursor of events beyond 64 bits', '999999999999999999999-1'],
]

const values: readonly [string, unknown][] = [
  ['zero', 0],
  ['minus one', -1],
  ['one', 1],
  ['a fraction', 1.5],
  ['the largest exact number', Number.MAX_SAFE_INTEGER],
  ['true', true],
  ['false', false],
  ['null', null],
  ['a number beyond every integer', 1e300],
  ['a list', ['a']],
  ['lists in lists', [[[[]]]]],
  ['an empty list', []],
  ['10,001 items', Array.from({ length: 10_001 }, () => 'a')],
  ['10,001 members', Object.fromEntries(Array.from({ length: 10_001 }, (_, at) => [`m${at}`, 1]))],
  ['an object', { a: 1 }],
  ['an empty object', {}],
  ['what Mongo would take', { $ne: null }],
]

/** What JSON.stringify would not write so. */
const raw: readonly [string, string][] = [
  ['NUL', '"a\\u0000b"'],
  ['half a surrogate pair', '"a\\ud800"'],
  ['the other half', '"\\udfffa"'],
  ['2^53', '9007199254740992'],
  ['minus 2^53', '-9007199254740993'],
  ['infinity', '1e309'],
  ['400 digits', '9'.repeat(400)],
  ['a member __proto__', '{"__proto__":{"admin":true}}'],
  ['a member constructor', '{"constructor":{"prototype":{"admin":true}}}'],
  ['a member named NUL', '{"\\u0000":1}'],
  ['lists 10,000 deep', `${'['.repeat(10_000)}${']'.repeat(10_000)}`],
  ['objects 10,000 deep', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`],
]

export const hostileValues: readonly Hostile[] = [
  ...[...texts, ...values].map(([what, value]) => hostileOf(what, JSON.stringify(value))),
  ...raw.map(([what, json]) => ({ what, json, value: JSON.parse(json), isPlain: false })),
]

/** Read once: each of them stands in a thousand fields, and some are a megabyte. */
export function hostileOf(what: string, json: string): Hostile {
  const value: Json = JSON.parse(json)
  return { what, json, value, isPlain: isPlain(value) }
}

/** As members of an object that does not declare them: kept from outside, and merely unknown. */
export const unknownMembers: readonly string[] = [
  ...['extra', 'id', 'path', 'state', 'scope', 'version', 'createdAt', 'updatedAt', 'nodePath'],
  ...['parentId', 'nodeId', 'tenantId', 'actor', 'permissions', 'connections', 'secret'],
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', ''],
  ...['a.b', 'a\nb', '\u202ea', 'x'.repeat(100_000)],
]

/** As names in a free-form record: none of them is a property of a person that can be written. */
export const unknownProperties: readonly string[] = [
  ...unknownMembers.filter((name) => name !== 'state'),
  ...['valueOf', '__defineGetter__', 'Department', 'department ', 'depart\u0000ment', '\ud800'],
]
