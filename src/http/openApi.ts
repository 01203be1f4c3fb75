import { type Contract, type Route, routesOf } from '../contract/route.ts'
import { Problem } from '../contract/schemas.ts'
import { isJsonObject, type JsonObject } from '../core/json.ts'

/** The contract as an OpenAPI 3.1 document; its schemas are JSON Schema already. */
export function openApi(contract: Contract, about: { title: string; version: string }): JsonObject {
  const paths: Record<string, JsonObject> = {}
  for (const route of routesOf(contract)) {
    const method = route.method.toLowerCase()
    paths[route.path] = { ...paths[route.path], [method]: operation(route) }
  }
  return {
    openapi: '3.1.0',
    info: { title: about.title, version: about.version },
    paths,
    components: {
      schemas: { Problem: plain(Problem) },
      responses: {
        Problem: {
          description: 'What went wrong; `code` is one of a closed list',
          content: {
            'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
          },
        },
      },
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
  }
}

function operation(route: Route): JsonObject {
  const [noun = ''] = route.name.split('.')
  const parameters = [
    ...parametersOf('path', route.params),
    ...parametersOf('query', route.query),
    ...parametersOf('header', route.headers),
  ]
  return {
    operationId: route.name,
    summary: route.summary,
    tags: [noun],
    security: route.permission === 'open' ? [] : [{ token: [] }],
    ...(typeof route.permission === 'object' && { 'x-permission': plain(route.permission) }),
    ...(parameters.length > 0 && { parameters }),
    ...(route.body && {
      requestBody: {
        required: true,
        content: { 'application/json': { schema: plain(route.body) } },
      },
    }),
    responses: {
      [route.status]: answerOf(route),
      default: { $ref: '#/components/responses/Problem' },
    },
  }
}

function answerOf(route: Route): JsonObject {
  if (route.answer) {
    return { description: 'Done', content: { 'application/json': { schema: plain(route.answer) } } }
  }
  if (route.produces) {
    return { description: 'Done', content: { [route.produces]: { schema: { type: 'string' } } } }
  }
  return { description: route.status === 204 ? 'Done; nothing to say' : 'Done' }
}

function parametersOf(place: string, schema: Route['params']): JsonObject[] {
  if (!schema) return []
  const { properties = {}, required = [] } = plain(schema)
  if (!isJsonObject(properties) || !Array.isArray(required)) return []
  return Object.entries(properties).map(([name, member]) => ({
    name,
    in: place,
    required: required.includes(name),
    schema: member,
  }))
}

/** TypeBox hangs its kinds on schemas as hidden members; the text of a schema has none of them. */
function plain(value: object): JsonObject {
  const copy: unknown = JSON.parse(JSON.stringify(value))
  return isJsonObject(copy) ? copy : {}
}
