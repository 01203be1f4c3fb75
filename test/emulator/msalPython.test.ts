import { execFile, spawnSync } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { thumbprints } from './microsoftClients.ts'
import { type Started, selfSigned, start } from './support.ts'

/** Debian's own interpreter: `python3-msal` is a package of its, and of no other. */
const python = '/usr/bin/python3'
const isInstalled = spawnSync(python, ['-c', 'import msal, requests']).status === 0
if (!isInstalled) {
  process.stderr.write('MSAL for Python is not tried: Debian package python3-msal is missing.\n')
}

const own = selfSigned()
let emulator: Started
beforeAll(async () => {
  emulator = await start({ tenants: [{ users: 5, seed: 44, certificates: [own.pem] }] })
})
afterAll(() => emulator.close())

/**
 * It differs from its sister for Node: a padded `x5t`, times with fractions, no `nbf`. The script
 * has to run beside this process, which serves it.
 */
test.skipIf(!isInstalled)('MSAL for Python signs in by secret and by certificate', async () => {
  const { url, caFile, tenant } = emulator
  const { privateKey, pem } = own
  const thumbprint = thumbprints(pem).sha1
  const input = JSON.stringify({ ...tenant, url, caFile, thumbprint, privateKey, pem })
  const output = await run(input)
  const name = tenant.displayName
  expect(JSON.parse(output)).toEqual({
    secret: name,
    certificate: name,
    'certificate sent along': name,
    'wrong secret': [7000215],
  })
})

function run(input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const script = new URL('msalPython.py', import.meta.url).pathname
    const child = execFile(python, [script], { timeout: 20_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`${error.message}\n${stderr}`))
    })
    child.stdin?.end(input)
  })
}
