import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readSettings } from '../../src/main/settings.ts'
import { failureOf } from '../features/support.ts'

let data: string

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'patchbay-test-mail-'))
})
afterAll(() => rm(data, { recursive: true }))

const host = { host: 'mail.provider.example', from: 'patchbay@provider.example' }

async function mailOf(mail: object) {
  await writeFile(join(data, 'patchbay.json'), JSON.stringify({ mail }))
  return (await readSettings({}, { data })).mail
}

it('takes the ports that are meant, and the password from its file', async () => {
  await writeFile(join(data, 'password'), 'mail-pass-1\n', { mode: 0o600 })
  expect(await mailOf(host)).toMatchObject({ ...host, security: 'tls', port: 465 })
  const signedIn = { ...host, user: 'patchbay', passwordFile: 'password', security: 'starttls' }
  const mail = await mailOf(signedIn)
  expect(mail).toMatchObject({ port: 587, user: 'patchbay' })
  expect(mail?.password?.reveal()).toBe('mail-pass-1')
  expect(JSON.stringify(mail)).not.toContain('mail-pass-1')
})

it('E7: refuses a password others may read, and one that would travel in the clear', async () => {
  await chmod(join(data, 'password'), 0o644)
  const open = await failureOf(mailOf({ ...host, user: 'p', passwordFile: 'password' }))
  expect(open.message).toContain('may be read by others')
  const clear = await failureOf(mailOf({ ...host, user: 'p', security: 'none' }))
  expect(clear.message).toContain('in the clear')
  const missing = await failureOf(mailOf({ ...host, user: 'p', passwordFile: 'nowhere' }))
  expect(missing.message).toContain('cannot be read')
  for (const from of ['a@b.example\r\nBcc: c@d.example', 'A <a@b.example>', 'a']) {
    expect((await failureOf(mailOf({ ...host, from }))).code).toBe('bad-input')
  }
})
