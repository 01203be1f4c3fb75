import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from './command.ts'

const execute = promisify(execFile)
let folder: string
let script: string

beforeAll(async () => {
  const { out, exit } = await run(['completion', 'bash'])
  expect(exit).toBe(0)
  folder = await mkdtemp(join(tmpdir(), 'patchbay-completion-'))
  script = join(folder, 'patchbay.bash')
  await writeFile(script, out)
})
afterAll(() => rm(folder, { recursive: true }))

/** What bash offers for the last of these words. */
async function offered(...words: string[]): Promise<string[]> {
  const quoted = ['patchbay', ...words].map((word) => `'${word}'`).join(' ')
  const { stdout } = await execute('bash', [
    ...['--norc', '-euc'],
    `source '${script}'; COMP_WORDS=(${quoted}); COMP_CWORD=${words.length}
     _patchbay; printf '%s\\n' "\${COMPREPLY[@]:-}"`,
  ])
  return stdout.split('\n').filter((line) => line !== '')
}

describe('in bash', () => {
  it('nouns, and the processes beside them', async () => {
    const nouns = await offered('')
    expect(nouns).toEqual(expect.arrayContaining(['node', 'tenant', 'schedule', 'serve']))
    expect(await offered('sched')).toEqual(['schedule'])
  })

  it('verbs of a noun, with their other names', async () => {
    expect(await offered('tenant', '')).toEqual(
      expect.arrayContaining(['list', 'show', 'add', 'create', 'import', 'test']),
    )
    expect(await offered('schedule', 're')).toEqual(['resume'])
    expect(await offered('nonsense', '')).toEqual([])
  })

  it('options of a verb, values of an option that has few, and shells', async () => {
    expect(await offered('sync', 'start', '--m')).toEqual(['--model'])
    expect(await offered('tenant', 'import', '--')).toEqual(
      expect.arrayContaining(['--node', '--dry-run', '--json', '--token-file', '--help']),
    )
    expect(await offered('resource', 'export', '--format', '')).toEqual(['csv', 'json'])
    expect(await offered('completion', 'f')).toEqual(['fish'])
    expect(await offered('serve', '--ro')).toEqual(['--role'])
  })
})

it('every verb that help lists is offered', async () => {
  for (const noun of ['node', 'certificate', 'transaction', 'subscription']) {
    const { out } = await run([noun, '--help'])
    const verbs = [...out.matchAll(/^ {2}([a-z-]+)(?:\|\S+)? (?:\[|<|\w)/gm)].map(
      ([, name]) => name,
    )
    expect(verbs.length).toBeGreaterThan(0)
    expect(await offered(noun, '')).toEqual(
      expect.arrayContaining(verbs.filter((name) => name !== 'help')),
    )
  }
})

describe.each(['zsh', 'fish'])('%s', (shell) => {
  it('gets a script of its own', async () => {
    const { out, exit } = await run(['completion', shell])
    expect(exit).toBe(0)
    for (const word of ['schedule', 'resume', 'A tenant', '--token-file'.slice(2)]) {
      expect(out).toContain(word)
    }
  })

  const program = ['/usr/bin', '/bin'].map((folder) => join(folder, shell)).find(existsSync)
  it.skipIf(program === undefined)('reads it without complaint', async () => {
    const file = join(tmpdir(), `patchbay-completion-${process.pid}.${shell}`)
    await writeFile(file, (await run(['completion', shell])).out)
    await execute(program ?? '', ['-n', file])
  })
})

it('a shell nobody knows is refused', async () => {
  const { exit, err } = await run(['completion', 'cmd'])
  expect(exit).toBe(2)
  expect(err).toContain('bash')
})
