import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import type { TenantAccess } from '../../src/emulator/options.ts'
import { control } from '../engine/control.ts'
import { startMailServer } from '../features/alertServers.ts'
import { startTestPatchbay, type TestPatchbay } from '../server/patchbay.ts'
import { run } from './command.ts'

let patchbay: TestPatchbay
let mail: Awaited<ReturnType<typeof startMailServer>>
let folder: string
const { credentialLookMs } = limits

beforeAll(async () => {
  Object.assign(limits, { credentialLookMs: 1_000 })
  folder = await mkdtemp(join(tmpdir(), 'patchbay-test-credentials-'))
  mail = await startMailServer()
  await writeFile(join(folder, 'ca.pem'), mail.ca)
  await writeFile(join(folder, 'password'), 'mail-pass-1\n', { mode: 0o600 })
  patchbay = await startTestPatchbay({
    settings: {
      mail: {
        ...{ host: 'localhost', port: mail.port, from: 'patchbay@provider.example' },
        ...{ user: 'patchbay', passwordFile: join(folder, 'password') },
        ...{ caFile: join(folder, 'ca.pem'), allowedAddresses: ['127.0.0.0/8', '::1/128'] },
      },
    },
  })
})
afterAll(async () => {
  Object.assign(limits, { credentialLookMs })
  await patchbay.close()
  await mail.close()
  await rm(folder, { recursive: true })
})

function patch(args: readonly string[]) {
  const env = { PATCHBAY_SERVER: patchbay.url, PATCHBAY_TOKEN_FILE: patchbay.tokenFile }
  return run(args, { env })
}

async function done(args: readonly string[]): Promise<string> {
  const ended = await patch(args)
  expect(ended).toMatchObject({ exit: 0 })
  return ended.out
}

async function secretFile(name: string, text: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, text, { mode: 0o600 })
  return path
}

it('J3: an end that is near is shown, told by mail, and the next secret takes over', async () => {
  const microsoft = control(patchbay.emulator, '')
  const spec = { users: 3, seed: 71, secretDays: 10 }
  const access = await microsoft.ask<TenantAccess>('POST', 'tenants', spec)
  await done(['node', 'create', '--parent', '1', '--kind', 'customer', 'Contoso'])
  await done(['alert', 'add', '--node', '2', '--mail', 'duty@contoso.example'])
  expect(await done(['alert', 'test', '1'])).toContain('duty@contoso.example took it')
  expect(mail.taken.map(({ secure, user }) => [secure, user])).toEqual([[true, 'patchbay']])
  const first = await secretFile('first', access.clientSecret)
  const tenant = ['tenant', 'add', '--node', '2', '--name', 'Contoso', '--cloud', 'emulator']
  const ids = ['--tenant-id', access.tenantId, '--client-id', access.clientId]
  await done([...tenant, ...ids, '--secret-file', first])
  await done(['tenant', 'test', '1', '--yes'])
  expect(await done(['credential', 'list'])).toMatch(/secret .* Contoso .* 9 +ending +microsoft/)
  // Told of by the worker itself, a second after its last look at the latest.
  for (let look = 0; look < 700 && mail.taken.length < 2; look += 1) await wait(100)
  expect(mail.taken[1]?.raw).toMatch(/Subject: Patchbay: The client secret .* of\s+Contoso ends on/)

  const { text } = await microsoft.ask<{ text: string }>(
    'POST',
    `tenants/${access.tenantId}/secrets`,
    {},
  )
  await done(['credential', 'add', '1', '--secret-file', await secretFile('second', text)])
  expect(await patch(['credential', 'promote', '1'])).toMatchObject({ exit: 1 })
  expect(await done(['credential', 'test', '1'])).toContain('accepted')
  await done(['credential', 'promote', '1'])
  expect(await patch(['credential', 'drop', '1'])).toMatchObject({ exit: 2 })
  await done(['credential', 'drop', '1', '--yes'])
  await done(['tenant', 'test', '1', '--yes'])
  expect(await done(['tenant', 'permissions', '--tenant', '1'])).toMatch(
    /User\.ReadWrite\.All +yes/,
  )
  expect(await done(['tenant', 'permissions', '--features', 'users:read'])).toContain(
    'User.Read.All',
  )
  await done(['alert', 'remove', '1'])
  expect(await done(['alert', 'list'])).not.toContain('duty')
  await microsoft.close()
}, 120_000)
