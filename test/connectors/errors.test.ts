import { describe, expect, it } from 'vitest'
import graphErrors from '../../src/catalogue/data/graph-errors.json' with { type: 'json' }
import { graphError } from '../../src/connectors/graph/errors.ts'
import { signInError } from '../../src/connectors/microsoft/aadErrors.ts'

function fromGraph(status: number, code: string, message = '', more: object = {}) {
  return graphError({
    status,
    body: { error: { code, message, ...more } },
    requestId: 'r-1',
    retryAfterMs: undefined,
    operation: 'PATCH users/{}',
  })
}

describe('sign-in', () => {
  it.each([
    [7000215, 'credentials-rejected', /value of the secret/],
    [7000222, 'credentials-rejected', /expired/],
    [700016, 'credentials-rejected', /not known in this tenant/],
    [700027, 'credentials-rejected', /allow a minute/],
    [700024, 'credentials-rejected', /clock/],
    [7000112, 'microsoft-refused', /disabled/],
    [90002, 'microsoft-not-found', /no such tenant/],
    [900023, 'microsoft-not-found', /neither an id nor a domain/],
    [500011, 'consent-missing', /admin consent/],
    [65001, 'consent-missing', /consented/],
    [90094, 'consent-missing', /administrator/],
    [53003, 'microsoft-refused', /Conditional Access/],
    [1002012, 'microsoft-refused', /scope/],
    [50076, 'microsoft-refused', /multi-factor/],
    [50126, 'credentials-rejected', /password/],
    [50173, 'credentials-rejected', /withdrawn/],
    [50057, 'microsoft-refused', /disabled/],
    [123456, 'microsoft-refused', /AADSTS123456/],
  ])('AADSTS%i is %s', (number, code, words) => {
    const body = { error_codes: [number], error_description: 'AADSTS1: canary', trace_id: 't-1' }
    const error = signInError(400, body)
    expect(error).toMatchObject({ code, foreignCode: `AADSTS${number}`, foreignRequestId: 't-1' })
    expect(error.message).toMatch(words)
    expect(error.message).not.toContain('canary')
  })

  it.each([
    [429, 'microsoft-throttled'],
    [503, 'microsoft-unavailable'],
    [401, 'credentials-rejected'],
    [400, 'microsoft-refused'],
  ])('without a number, %i is %s', (status, code) => {
    for (const body of [undefined, 'x', { error_codes: 'x' }, { error_codes: ['700016'] }]) {
      expect(signInError(status, body)).toMatchObject({ code, foreignCode: `HTTP ${status}` })
    }
  })
})

describe('Graph', () => {
  it('finds the most inner code', () => {
    const error = fromGraph(400, 'BadRequest', 'x', {
      innerError: { code: 'MailboxNotEnabledForRESTAPI', innerError: { date: 'x' } },
    })
    expect(error).toMatchObject({
      code: 'microsoft-not-found',
      foreignCode: 'MailboxNotEnabledForRESTAPI',
      foreignRequestId: 'r-1',
    })
  })

  it.each([
    ['UPN/proxy/nickname conflict', 'microsoft-conflict', /value of userPrincipalName/],
    ['UPN domain unverified', 'microsoft-refused', /verified domain/],
    ['password', 'microsoft-refused', /too simple/],
    ['member exists', 'microsoft-conflict', /already a member/],
    ['licence, no usageLocation', 'microsoft-refused', /usage location/],
    ['licence, none left', 'microsoft-conflict', /No licence/],
    ['licence, exclusive plans', 'microsoft-refused', /exclude each other/],
    ['licence, dependency', 'microsoft-refused', /needs another/],
    ['object not found', 'microsoft-not-found', /no such object/],
    ['missing permission (directory)', 'consent-missing', /permission/],
    ['page token expired', 'microsoft-token-expired', /begins anew/],
    ['page token of a retry', 'microsoft-token-expired', /begins anew/],
    ['throttled', 'microsoft-throttled', /pause/],
    ['expired token', 'credentials-rejected', /token/],
  ])('%s is %s', (name, code, words) => {
    const entry = graphErrors.graph.find((each) => each.case === name)
    if (entry === undefined) throw new Error(`${name} is not in the catalogue`)
    const message = entry.message?.replace(/\{\w+\}/g, 'canary')
    const error = fromGraph(entry.status ?? 0, entry.code ?? 'TooManyRequests', message)
    expect(error.code).toBe(code)
    expect(error.message).toMatch(words)
    expect(error.message).not.toContain('canary')
  })

  it('a server in trouble is believed in nothing else', () => {
    expect(fromGraph(503, 'Authorization_RequestDenied').code).toBe('microsoft-unavailable')
  })

  it('a 404 without a word of Graph says nothing about the object', () => {
    for (const body of [undefined, {}, { error: 'x' }, { error: { code: '<html>' } }, [], 7]) {
      const refusal = { status: 404, requestId: undefined, retryAfterMs: undefined, operation: 'x' }
      expect(graphError({ ...refusal, body }).code).toBe('microsoft-broken-answer')
    }
  })

  it('survives errors within errors without end', () => {
    let inner: object = { code: 'Deepest' }
    for (let depth = 0; depth < 10_000; depth += 1) inner = { innerError: inner, code: 'C' }
    const error = fromGraph(400, 'Outer', '', { innerError: inner })
    expect(error).toMatchObject({ code: 'microsoft-refused', foreignCode: 'C' })
  })
})
