import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Sealed } from '../../src/core/secret.ts'
import { createLog } from '../../src/main/log.ts'
import { readSettings } from '../../src/main/settings.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-test-settings-'))
})
afterAll(() => rm(folder, { recursive: true }))

function settingsOf(file: unknown, env: NodeJS.ProcessEnv = {}, given = {}) {
  const text = typeof file === 'string' ? file : JSON.stringify(file)
  return writeFile(join(folder, 'patchbay.json'), text).then(() =>
    readSettings({ PATCHBAY_DATA: folder, ...env }, given),
  )
}

describe('settings', () => {
  it('are sensible when nothing is said', async () => {
    expect(await readSettings({ PATCHBAY_DATA: join(folder, 'none') }, {})).toMatchObject({
      host: '127.0.0.1',
      port: 7400,
      role: 'all',
      clouds: [],
      databaseUrl: undefined,
    })
  })

  it('come from the command line, then the environment, then the file', async () => {
    const file = { port: 1, role: 'api', host: '::1' }
    const env = { PATCHBAY_PORT: '2', PATCHBAY_ROLE: 'worker' }
    const given = { port: '3' }
    const settings = await settingsOf(file, env, given)
    expect(settings).toMatchObject({ port: 3, role: 'worker', host: '::1' })
  })

  it('read the authority of a cloud from beside the file', async () => {
    await writeFile(join(folder, 'ca.pem'), '-----BEGIN CERTIFICATE-----\nx\n')
    const cloud = { name: 'e', login: 'https://a', graph: 'https://b', caFile: 'ca.pem' }
    const { clouds } = await settingsOf({ clouds: [cloud] })
    expect(clouds).toMatchObject([
      { scope: 'https://b/.default', ca: expect.stringContaining('BEGIN') },
    ])
  })

  const cloud = { name: 'e', login: 'https://a', graph: 'https://b' }
  it.each<[string, unknown, NodeJS.ProcessEnv, string]>([
    ['broken JSON', '{', {}, 'patchbay.json'],
    ['an unknown member', { prot: 1 }, {}, 'prot'],
    ['a port out of range', { port: 70_000 }, {}, 'port'],
    ['a port that is no number', {}, { PATCHBAY_PORT: 'x' }, 'port'],
    ['an unknown role', {}, { PATCHBAY_ROLE: 'boss' }, 'role'],
    ['a cloud without TLS', { clouds: [{ ...cloud, login: 'http://a' }] }, {}, 'clouds.0.login'],
    ['a cloud with a path', { clouds: [{ ...cloud, graph: 'https://b/c' }] }, {}, 'clouds.0.graph'],
    ['an authority that is not there', { clouds: [{ ...cloud, caFile: 'no.pem' }] }, {}, 'no.pem'],
    ['an odd database', {}, { DATABASE_URL: 'mysql://root:hunter2@x' }, 'DATABASE_URL'],
  ])('with %s are refused by name', async (_what, file, env, named) => {
    const refusal = await settingsOf(file, env).then(
      () => 'taken',
      (error: Error) => error.message,
    )
    expect(refusal).toContain(named)
    expect(refusal).not.toContain('hunter2')
  })
})

describe('the log', () => {
  it('E10, F9: prints secrets by their type, headers by their name, and stays one line', () => {
    const lines: string[] = []
    const log = createLog({ pid: 1 }, (line) => lines.push(line))
    const headers = { authorization: 'Bearer hunter2', 'set-cookie': 'a=hunter2' }
    const secret = new Sealed('hunter2')
    log.info({ secret, deep: { secret: [secret] }, headers, request: { headers } }, 'hello')
    log.warn({ name: 'a\nb\u001b[31m\u009b31m\u202e' }, 'odd\nname')
    expect(lines).toHaveLength(2)
    expect(lines.join('')).not.toContain('hunter2')
    for (const line of lines) {
      expect(line.indexOf('\n')).toBe(line.length - 1)
      expect(line).not.toMatch(/[\u0080-\u009f\u202e]/)
      expect(() => JSON.parse(line)).not.toThrow()
    }
  })
})
