import { expect, test } from 'vitest'
import { readAdvisories } from '../advisories.ts'

const report = (vulnerabilities: object) =>
  JSON.stringify({ auditReportVersion: 2, vulnerabilities, metadata: {} })

test('J4: what the registry knows of is told where it is grave', () => {
  const known = {
    one: { name: 'one', severity: 'moderate', range: '<1.0.0' },
    two: { name: 'two', severity: 'high', range: '<2.0.0' },
    three: { name: 'three', severity: 'critical', range: '*' },
  }
  expect(readAdvisories(report(known))).toEqual(['two <2.0.0: high', 'three *: critical'])
  expect(readAdvisories(report({}))).toEqual([])
})

test('J4: a registry that tells nothing is not taken for one that knows of nothing', () => {
  const refusal = { message: '405 Method Not Allowed', statusCode: 405 }
  expect(readAdvisories(`npm error audit\n${JSON.stringify(refusal)}`)).toBe(undefined)
  expect(readAdvisories('')).toBe(undefined)
})
