import { expect, it } from 'vitest'
import { callUrl } from '../../src/connectors/graph/address.ts'
import { figure } from '../figures/figure.ts'
import { hostileTexts } from '../hostileTexts.ts'

const graph = 'https://graph.test'

it('F5: 10,000 addresses of hostile keys and values are taken apart to what they were made of', () => {
  const text = hostileTexts(11)
  let wrong = 0
  let tried = 0
  for (let round = 0; round < 10_000; round++) {
    const [key, value] = [text(), text()]
    if (['', '.', '..'].includes(key)) continue
    tried += 1
    const path = ['users', key, 'manager']
    const query = { $filter: value, $top: '5' }
    const url = callUrl(graph, {
      wire: 'graph',
      method: 'GET',
      path,
      query,
      body: undefined,
      cost: 1,
    })
    const parts = url.pathname.split('/').slice(2).map(decodeURIComponent)
    const same =
      url.origin === graph &&
      url.hash === '' &&
      JSON.stringify(parts) === JSON.stringify(path) &&
      JSON.stringify([...url.searchParams]) === JSON.stringify(Object.entries(query))
    if (!same) wrong += 1
  }
  figure('addresses that name something else', wrong, '= 0')
  figure('addresses tried', tried, '>= 8000')
})

it.each(['', '.', '..'])('F5: %j for a key is not sent', (key) => {
  const call = { wire: 'graph', method: 'GET', path: ['users', key] } as const
  expect(() => callUrl(graph, { ...call, query: {}, body: undefined, cost: 1 })).toThrow('dots')
})
