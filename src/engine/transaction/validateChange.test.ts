import { describe, expect, it } from 'vitest'
import type { Json } from '../../core/json.ts'
import { loadModels } from '../models/load.ts'
import { validateChange } from './validateChange.ts'

const models = await loadModels('models')
const model = (name: string) => {
  const found = models.find((candidate) => candidate.id.endsWith(name))
  if (found === undefined) throw new Error(name)
  return found
}
const user = model('MSOLUser')

describe('a change is checked before anything is sent', () => {
  it.each<[string, Json]>([
    ['department', 'Sales'],
    ['department', null],
    ['accountEnabled', false],
    ['businessPhones', ['+49 30 1234']],
    ['businessPhones', []],
  ])('%s = %j passes', (name, value) => {
    expect(() => validateChange(user, { [name]: value }, 'body.set')).not.toThrow()
  })

  it.each<[string, Json, RegExp]>([
    ['departement', 'Sales', /no property/],
    ['__proto__x', 'Sales', /no property/],
    ['constructor', 'Sales', /no property/],
    ['id', 'x', /cannot be changed/],
    ['createdDateTime', '2026-01-01T00:00:00Z', /cannot be changed/],
    ['assignedLicenses', [], /cannot be changed/],
    ['department', 5, /must be text/],
    ['department', '', /must not be empty/],
    ['department', 'x'.repeat(65), /at most 64/],
    ['department', 'a\nb', /control characters/],
    ['department', ['Sales'], /must be text/],
    ['accountEnabled', 'yes', /true or false/],
    ['businessPhones', '1', /must be a list/],
    ['businessPhones', [1], /must be text/],
  ])('%s = %j is refused', (name, value, problem) => {
    const check = () => validateChange(user, { [name]: value }, 'body.objects.0.set')
    expect(check).toThrow(problem)
    expect(check).toThrow(`body.objects.0.set.${name}`)
  })

  it('refuses anything of a model that is read only', () => {
    const sku = model('MsolAccountSku')
    expect(() => validateChange(sku, { skuPartNumber: 'X' }, 'body.set')).toThrow(/read only/)
  })
})
