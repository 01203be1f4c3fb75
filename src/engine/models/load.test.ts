import { readdir, readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { ModelFile } from './grammar.ts'
import { loadModels, parseModel } from './load.ts'

const good = await readFile('models/device/msgraph/MSOLUser.yaml', 'utf8')
const parse = (text: string) => parseModel('device/msgraph/MSOLUser.yaml', text)

describe('the shipped models', () => {
  it('load, each before those that link to it', async () => {
    const models = await loadModels('models')
    const ids = models.map(({ id }) => id)
    const files = await readdir('models', { recursive: true })
    const declared = files.filter((file) => file.endsWith('.yaml'))
    expect([...ids].sort()).toEqual(declared.map((file) => file.slice(0, -'.yaml'.length)).sort())
    const targets = new Map(models.map(({ id, links }) => [id, links.flatMap(({ to }) => to)]))
    for (const id of ids) {
      const before = ids.slice(0, ids.indexOf(id) + 1)
      // Groups give licences to people, who are their members: such a circle has no order.
      const ordered = (targets.get(id) ?? []).filter((target) => !targets.get(target)?.includes(id))
      expect(before, id).toEqual(expect.arrayContaining(ordered))
    }
  })

  it('take types, lengths and read-only marks from the catalogue', () => {
    const { properties } = parse(good)
    const find = (name: string) => properties.find((property) => property.name === name)
    expect(find('department')).toMatchObject({ type: 'string', maxLength: 64, readOnly: false })
    expect(find('createdDateTime')).toMatchObject({ type: 'dateTime', readOnly: true })
    expect(find('businessPhones')).toMatchObject({ many: true })
    expect(find('assignedLicenses')).toMatchObject({ type: 'object', many: true, readOnly: true })
    expect(find('id')).toMatchObject({ readOnly: true })
  })

  it('keep to the published schema, which is the grammar written out', async () => {
    const published = JSON.parse(await readFile('models/schema.json', 'utf8'))
    expect(published).toEqual(JSON.parse(JSON.stringify(ModelFile)))
  })
})

describe('a broken model file is refused in words', () => {
  it.each([
    ['not YAML', good.replace('properties:', 'properties: {'), /is not YAML/],
    ['aliases', 'a: &a 1\nb: *a', /is not YAML|is not allowed|Excessive/i],
    ['an unknown keyword', `${good}\nscript: rm`, /script|additional/i],
    ['an unknown noun', good.replace('noun: user', 'noun: userr'), /knows no userr/],
    ['an unknown wire', good.replace('wire: graph', 'wire: smoke'), /catalogue of smoke/],
    ['an unknown property', good.replace('department: {}', 'departement: {}'), /departement/],
    ['a key it does not read', good.replace('key: id', 'key: uid'), /uid is not among/],
    [
      'a column it does not read',
      good.replace('columns: [', 'columns: [manager, '),
      /columns: manager/,
    ],
    [
      'a link with two sources',
      good.replace('from: manager.id', 'from: manager.id, call: x'),
      /either/,
    ],
    ['a type name from elsewhere', good.replace('model: device/', 'model: ../'), /model/],
  ])('%s', (_what, text, message) => {
    expect(() => parse(text)).toThrow(message)
  })
})
