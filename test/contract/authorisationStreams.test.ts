import { afterAll, expect, it } from 'vitest'
import { route } from '../../src/contract/route.ts'
import { createHttpServer } from '../../src/http/server.ts'
import { systemClock } from '../store/testing.ts'

const ended = new AbortController()
const closed: string[] = []

const app = createHttpServer({
  ...{ title: 'x', version: '1', clock: systemClock, newRequestId: () => 'request-1' },
  contract: {
    export: {
      csv: route({
        ...{ name: 'export.csv', method: 'GET', path: '/v1/export', summary: 'x', status: 200 },
        ...{ permission: 'signed-in', produces: 'text/csv', streamed: true },
      }),
    },
  },
  handlers: { export: { csv: async () => endless() } },
  authenticate: async () => ({ id: 'person:1', name: 'Ada', kind: 'person', grants: [] }),
  watchAccess: () => ({ ended: ended.signal, close: () => closed.push('closed') }),
  onRequest: () => {},
  onFailure: () => {},
})
afterAll(() => app.close())

async function* endless(): AsyncGenerator<string> {
  for (;;) {
    await systemClock.sleep(5)
    yield 'a,b\n'
  }
}

it('D5: an export ends within a second when the rights of who asked for it are others', async () => {
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const answer = await fetch(`${url}/v1/export`, { headers: { authorization: 'Bearer x' } })
  expect(answer.status).toBe(200)
  const read = answer.text().then(
    () => 'whole',
    () => 'cut off',
  )
  const still = systemClock.sleep(200).then(() => 'going on')
  expect(await Promise.race([read, still])).toBe('going on')
  ended.abort()
  const late = systemClock.sleep(1_000).then(() => 'going on')
  expect(await Promise.race([read, late])).toBe('cut off')
  expect(closed).toEqual(['closed'])
})
