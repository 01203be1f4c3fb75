import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
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

it('the emulator takes --json and prints what it prints', async () => {
  const launcher = fileURLToPath(new URL('../../bin/patchbay.js', import.meta.url))
  const args = [launcher, 'emulator', '--json', '--users', '5', '--data', folder]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const refused = once(child, 'exit').then(() => [''])
  const [text] = await Promise.race([once(child.stdout, 'data'), refused])
  child.kill('SIGTERM')
  await refused
  expect(JSON.parse(String(text))).toMatchObject({ tenants: [{ users: 5 }] })
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

it('a demo that is stopped while it starts leaves no process behind', async () => {
  const launcher = fileURLToPath(new URL('../../bin/patchbay.js', import.meta.url))
  const place = join(folder, 'stopped')
  const args = [launcher, 'demo', '--users', '20', '--data', place]
  const child = spawn(process.execPath, args, { stdio: 'ignore' })
  // The emulator's authority is the first file of a process that the demo started.
  await expect
    .poll(
      () =>
        access(join(place, 'demo', 'emulator')).then(
          () => true,
          () => false,
        ),
      {
        timeout: 20_000,
      },
    )
    .toBe(true)
  child.kill('SIGTERM')
  const [code] = await once(child, 'exit')
  expect(code).toBe(1)
  expect(await commandsNaming(place)).toEqual([])
}, 30_000)

/** Linux alone tells; where nothing is told there is nothing to see. */
async function commandsNaming(text: string): Promise<string[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))
  const read = (pid: string) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return (await Promise.all(pids.map(read))).filter((command) => command.includes(text))
}

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
