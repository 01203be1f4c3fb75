import { expect, test } from 'vitest'
import { permissionsFor } from '../../src/catalogue/permissions.ts'
import { loadModels } from '../../src/engine/models/load.ts'
import { features, testNeeds, tooPowerful } from '../../src/features/tenants/permissions.ts'

test('what is asked of permissions is what the catalogue says is enough, and no less', async () => {
  for (const { read, write } of features) {
    for (const { anyOf, calls } of write === undefined ? [read] : [read, write]) {
      for (const [method, path] of calls) {
        expect(permissionsFor(method, path), path).toEqual(expect.arrayContaining([...anyOf]))
      }
    }
  }
  for (const { id, needs } of await loadModels('models')) {
    const feature = features.find(({ models }) => models.includes(id))
    expect(feature?.read.anyOf, id).toEqual(expect.arrayContaining([...needs.read]))
    expect(feature?.write?.anyOf ?? [], id).toEqual(expect.arrayContaining([...needs.write]))
  }
})

test('no feature and no model needs what makes an application master of the tenant', async () => {
  const asked = [
    ...features.flatMap(({ read, write }) => [...read.anyOf, ...(write?.anyOf ?? [])]),
    ...(await loadModels('models')).flatMap(({ needs }) => [...needs.read, ...needs.write]),
    ...Object.values(testNeeds),
  ]
  for (const name of [...tooPowerful.permissions, ...tooPowerful.directoryRoles]) {
    expect(asked).not.toContain(name)
  }
})
