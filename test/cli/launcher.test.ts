import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from './command.ts'

let folder: string
let oldNode: string[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-test-launcher-'))
  // Makes the Node that starts the launcher look old, and tells of the one it hands over to.
  const pretend = join(folder, 'pretend.mjs')
  await writeFile(
    pretend,
    `import processes from 'node:child_process'
     import { syncBuiltinESMExports } from 'node:module'
     Object.defineProperty(process.versions, 'node', { value: '20.20.2' })
     const { spawn } = processes
     processes.spawn = (program, ...rest) => {
       process.stderr.write('handed over to ' + program + '\\n')
       return spawn(program, ...rest)
     }
     syncBuiltinESMExports()`,
  )
  oldNode = ['--import', pretend]
})
afterAll(() => rm(folder, { recursive: true }))

describe('under a Node that is too old', () => {
  it('the launcher hands over to the one Patchbay brings along', async () => {
    const ended = await run(['--version'], { nodeArgs: oldNode })
    expect(ended).toMatchObject({ exit: 0, out: '0.1.0\n' })
    expect(ended.err).toMatch(/^handed over to .*node_modules.*bin.node/)
  })

  it('exit code, input and output are those of the real one', async () => {
    const ended = await run(['tenant', 'foo'], { nodeArgs: oldNode })
    expect(ended).toMatchObject({ exit: 2, out: '' })
    expect(ended.err).toContain("unknown command 'foo'")
  })

  it('a signal reaches the real one, and nothing is left behind', async () => {
    const launcher = fileURLToPath(new URL('../../bin/patchbay.js', import.meta.url))
    const args = [...oldNode, launcher, 'emulator', '--users', '5', '--data', folder]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
    const [text] = await once(child.stdout, 'data')
    const { url } = JSON.parse(String(text))
    child.kill('SIGTERM')
    const [code] = await once(child, 'exit')
    expect(code).toBe(0)
    await wait(100)
    await expect(fetch(url)).rejects.toThrow()
  })
})

it('under a new Node nothing is handed over', async () => {
  const ended = await run(['--version'])
  expect(ended).toMatchObject({ exit: 0, out: '0.1.0\n', err: '' })
})

it('help is the same before and behind the name of a process', async () => {
  const [before, behind] = await Promise.all([run(['help', 'serve']), run(['serve', '--help'])])
  expect(before.out).toContain('--role')
  expect(before).toEqual(behind)
})

it('a second demo does not take the place of one that runs', async () => {
  const place = join(folder, 'demo')
  await mkdir(place)
  await writeFile(join(place, 'demo.pid'), String(process.pid))
  const ended = await run(['demo', '--data', folder])
  expect(ended).toMatchObject({ exit: 1, out: '' })
  expect(ended.err).toContain(`A demo runs here already (process ${process.pid})`)
  expect(await readdir(place)).toEqual(['demo.pid'])
})

it('starting and listing does not load what serving needs', async () => {
  const watch = join(folder, 'watch.mjs')
  await writeFile(
    watch,
    `import { registerHooks } from 'node:module'
     registerHooks({ load: (url, context, next) => {
       process.stderr.write(url + '\\n')
       return next(url, context)
     } })`,
  )
  const { err } = await run(['tenant', '--help'], { nodeArgs: ['--import', watch] })
  expect(err).toContain('/src/cli/nouns/tenant.ts')
  for (const heavy of [
    '/nouns/node.ts',
    '/src/http/',
    '/src/store/',
    'fastify',
    '/undici/',
    'pino',
    'typebox',
  ]) {
    expect(err).not.toContain(heavy)
  }
})
