import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { createGraphWire } from '../../src/connectors/graph/wire.ts'
import { readWhole } from '../../src/core/wire.ts'
import { type Microsoft, type Reply, startMicrosoft } from './microsoft.ts'
import { userModel } from './models.ts'

let microsoft: Microsoft
const { signal } = new AbortController()
const id = '00000000-0000-4000-8000-000000000001'

beforeAll(async () => {
  microsoft = await startMicrosoft()
})
afterAll(() => microsoft.close())
beforeEach(() => microsoft.reset())

/** Text as it is: what is hostile in it would not survive an object of ours. */
function answers(text: string): void {
  const reply: Reply = (response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(text)
  microsoft.replies.graph = reply
}

const listed = async () =>
  readWhole(await createGraphWire(microsoft.transport()).list(userModel, undefined, signal))

const good = `{"id":"${id.replace(/1$/, '2')}","displayName":"Good","businessPhones":[]}`

it.each([
  ['text where a list belongs', `{"id":"${id}","businessPhones":"+49"}`, 'businessPhones'],
  ['an object where text belongs', `{"id":"${id}","displayName":{"x":1}}`, 'displayName'],
  ['text where a boolean belongs', `{"id":"${id}","accountEnabled":"true"}`, 'accountEnabled'],
  ['a number where a time belongs', `{"id":"${id}","createdDateTime":1}`, 'createdDateTime'],
  ['no key', '{"displayName":"Nobody"}', 'id'],
  ['a number for a key', '{"id":7}', 'id'],
  ['a list for an object', '[1,2]', ''],
])(
  'F9: %s is refused by its property, and nobody else with it',
  async (_what, object, property) => {
    answers(`{"value":[${object},${good}]}`)
    const { objects, rejected } = await listed()
    expect(objects.map(({ data }) => data.displayName)).toEqual(['Good'])
    expect(rejected).toHaveLength(1)
    expect(rejected[0]?.reason).toContain(property)
  },
)

it('F9: keys named like prototypes change nothing and go nowhere', async () => {
  const hostile = `"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}`
  answers(`{${hostile},"value":[{${hostile},"id":"${id}","displayName":"x","businessPhones":[]}]}`)
  const { objects } = await listed()
  const [first] = objects
  expect(Reflect.get({}, 'polluted')).toBeUndefined()
  expect(Reflect.get(first?.data ?? {}, 'polluted')).toBeUndefined()
  expect(Object.keys(first?.data ?? {})).not.toContain('__proto__')
  expect(Object.keys(first?.data ?? {})).not.toContain('constructor')
  expect(Object.getPrototypeOf(first?.data ?? {})).toBe(Object.prototype)
})

it('F9: what it says of an error stays one line, and names no object in the log', async () => {
  const words = 'x\\u001b[31m\\r\\nlevel=error forged\\u2028'
  microsoft.replies.graph = (response) =>
    response
      .writeHead(400, { 'content-type': 'application/json' })
      .end(`{"error":{"code":"Bad${words}","message":"${words}"}}`)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is these that may not be there
  const unsafe = /[\u001b\r\n\u2028]/
  await expect(listed()).rejects.toSatisfy((error: Error) => !unsafe.test(error.message))
  expect(JSON.stringify(microsoft.logged)).not.toContain('forged')
})
