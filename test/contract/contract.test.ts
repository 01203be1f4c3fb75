import { expect, it } from 'vitest'
import { api } from '../../src/contract/api.ts'
import { routesOf } from '../../src/contract/route.ts'
import { openApi } from '../../src/http/openApi.ts'

// Golden files: a change of the API shows as a diff. `npx vitest run test/contract -u` writes them.

it('the routes, each with what it asks of its caller', async () => {
  const lines = routesOf(api).map((route) => {
    const { permission } = route
    const asked =
      typeof permission === 'string' ? permission : `${permission.operation} ${permission.type}`
    return `${route.method.padEnd(6)} ${route.path}  ${asked}`
  })
  await expect(`${lines.sort().join('\n')}\n`).toMatchFileSnapshot('./routes.txt')
})

it('the OpenAPI document', async () => {
  const document = openApi(api, { title: 'Patchbay', version: '1' })
  await expect(`${JSON.stringify(document, null, 2)}\n`).toMatchFileSnapshot('./openapi.json')
})

it('every member of a path is declared, and nothing else', () => {
  for (const route of routesOf(api)) {
    const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1])
    const properties = route.params && 'properties' in route.params ? route.params.properties : {}
    expect(Object.keys(properties ?? {}).sort(), route.name).toEqual(inPath.sort())
  }
})

it('no two routes share method and path', () => {
  const places = routesOf(api).map((route) => `${route.method} ${route.path}`)
  expect(new Set(places).size).toBe(places.length)
})
