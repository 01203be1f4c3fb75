import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestPatchbay, type TestPatchbay } from '../server/patchbay.ts'
import { run } from './command.ts'

let patchbay: TestPatchbay

beforeAll(async () => {
  patchbay = await startTestPatchbay({
    ...{ role: 'api', settings: { proxies: { allowedAddresses: ['10.0.0.0/8'] } } },
  })
  await patch('node', 'create', '--parent', '1', '--kind', 'customer', 'Contoso')
})
afterAll(() => patchbay.close())

function patch(...args: string[]) {
  const env = { PATCHBAY_SERVER: patchbay.url, PATCHBAY_TOKEN_FILE: patchbay.tokenFile }
  return run(args, { env })
}

const rows = (out: string) => out.split('\n').map((line) => line.trim().replaceAll(/ +/g, ' '))

it('shows what is in force where nobody said anything', async () => {
  const shown = await patch('egress', 'show', '2')
  expect(shown).toMatchObject({ exit: 0, err: 'no list was made: what Patchbay begins with\n' })
  expect(rows(shown.out)).toEqual(['target ports', 'public usual', '10.0.0.0/8 any', ''])
})

it('allows, forbids and inherits', async () => {
  const allowed = await patch('egress', 'allow', '2', 'Proxy.Contoso.com', '--ports', '443,3128')
  expect(allowed).toMatchObject({ exit: 0, err: 'the list of this node\n' })
  expect(rows(allowed.out)).toContain('proxy.contoso.com 443,3128')
  await patch('egress', 'forbid', '2', 'public')
  const narrowed = await patch('egress', 'forbid', '1', 'public')
  expect(narrowed.exit).toBe(0)
  const shown = await patch('egress', 'show', '2')
  expect(rows(shown.out)).toContain(
    'proxy.contoso.com 443,3128 less than this: a list above is narrower',
  )
  expect((await patch('egress', 'inherit', '1')).err).toContain('no list was made')
  const json = await patch('egress', 'inherit', '2', '--json')
  expect(JSON.parse(json.out)).toMatchObject({ nodeId: 2, from: 'default' })
})

it('says that an empty list is Microsoft and nothing else', async () => {
  await patch('egress', 'forbid', '2', 'public')
  const empty = await patch('egress', 'forbid', '2', '10.0.0.0/8')
  expect(empty.err).toContain('Microsoft and nothing else')
  await patch('egress', 'inherit', '2')
})

it.each([
  [['allow', '2', 'https://a.com'], 'must be a host'],
  [['allow', '2', 'a.com', '--ports', '22'], 'more than the list above'],
  [['allow', '1', '192.168.0.0/16'], 'proxies.allowedAddresses'],
  [['allow', '2', 'a.com', '--ports', '99999'], 'port numbers'],
  [['show', '77'], 'within your scope'],
])('refuses %j in words', async (args, words) => {
  const refused = await patch('egress', ...args)
  expect(refused.err).toContain(words)
  expect([2, 4]).toContain(refused.exit)
})
