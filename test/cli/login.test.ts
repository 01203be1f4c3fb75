import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openBrowser, signIn, type TestBrowser } from '../server/browser.ts'
import { startTestPatchbay, type TestPatchbay } from '../server/patchbay.ts'
import { openPeople, type People } from '../server/people.ts'
import { run } from './command.ts'

const launcher = fileURLToPath(new URL('../../bin/patchbay.js', import.meta.url))

let patchbay: TestPatchbay
let people: People
let folder: string
let env: NodeJS.ProcessEnv
let anna: TestBrowser

beforeAll(async () => {
  patchbay = await startTestPatchbay({ role: 'api' })
  people = await openPeople(patchbay)
  folder = await mkdtemp(join(tmpdir(), 'patchbay-test-login-'))
  env = { XDG_CONFIG_HOME: folder }
  const { password } = await people.add('anna')
  anna = openBrowser(patchbay.url)
  await signIn(anna, 'anna', password)
})
afterAll(async () => {
  await people.close()
  await patchbay.close()
  await rm(folder, { recursive: true })
})

const tokens = () => join(folder, 'patchbay', 'tokens.json')

interface Asked {
  redirectUri: string
  challenge: string
  state: string
  device: string
}

/** Starts `login`, and hands over what it asks its browser for. */
async function startLogin() {
  const args = [launcher, 'login', '--server', patchbay.url, '--no-browser']
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env.PATH, HOME: '/nonexistent', ...env },
  })
  let err = ''
  const ended = new Promise<{ exit: number | null; err: string }>((resolve) => {
    child.on('close', (exit) => resolve({ exit, err }))
  })
  const asked = await new Promise<Asked>((resolve) => {
    child.stderr.on('data', (chunk) => {
      err += String(chunk)
      const [, fragment] = /sign-in#(\S+)\n/.exec(err) ?? []
      if (fragment === undefined) return
      const given = new URLSearchParams(fragment)
      const text = (name: string) => given.get(name) ?? ''
      resolve({
        ...{ redirectUri: text('redirectUri'), challenge: text('challenge') },
        ...{ state: text('state'), device: text('device') },
      })
    })
  })
  return { child, asked, ended }
}

async function admit(asked: Asked): Promise<URL> {
  const answer = await anna.send('POST', '/v1/session/command-line', asked)
  expect(answer.status, answer.text).toBe(200)
  return new URL(answer.json.location)
}

describe('login by browser', () => {
  it('brings a token that only its user can read, and every command uses', async () => {
    const { asked, ended } = await startLogin()
    const back = await admit(asked)
    // Others may reach the port, too: what does not know the state changes nothing.
    const guess = new URL(back)
    guess.searchParams.set('state', 'x'.repeat(43))
    expect((await fetch(guess)).status).toBe(404)
    expect((await fetch(new URL('/favicon.ico', back))).status).toBe(404)
    const landed = await fetch(back)
    expect(await landed.text()).toContain('You may close this page')
    const { exit, err } = await ended
    expect(exit, err).toBe(0)
    expect(err).toContain('as anna the person: Command line on ')
    expect((await stat(tokens())).mode & 0o777).toBe(0o600)
    const me = await run(['whoami', '--json'], { env })
    expect(JSON.parse(me.out)).toMatchObject({ name: expect.stringContaining('anna the person') })
    expect((await run(['node', 'list'], { env })).exit).toBe(0)
    const kept = JSON.parse(await readFile(tokens(), 'utf8'))
    expect(err).not.toContain(kept.tokens[patchbay.url])
  })

  it('ends with logout, at the server, too', async () => {
    const { tokens: kept } = JSON.parse(await readFile(tokens(), 'utf8'))
    expect(await run(['logout'], { env })).toMatchObject({ exit: 0 })
    const old = people.clientOf(kept[patchbay.url])
    await expect(old.session.show()).rejects.toMatchObject({ code: 'sign-in-required' })
    expect(await readFile(tokens(), 'utf8')).not.toContain('pb_')
    expect(await run(['logout', '--server', patchbay.url], { env })).toMatchObject({ exit: 3 })
  })

  it('D9: gives a token for its code to nobody without the verifier, and once', async () => {
    const { child, asked } = await startLogin()
    const code = (await admit(asked)).searchParams.get('code') ?? ''
    const exchange = (verifier: string) =>
      openBrowser(patchbay.url).send('POST', '/v1/session/token', { code, verifier })
    expect((await exchange('y'.repeat(43))).status).toBe(401)
    child.kill()
    const { createHash, randomBytes } = await import('node:crypto')
    const verifier = randomBytes(32).toString('base64url')
    const challenge = createHash('sha256').update(verifier).digest('base64url')
    const own = (await admit({ ...asked, challenge })).searchParams.get('code') ?? ''
    const send = () =>
      openBrowser(patchbay.url).send('POST', '/v1/session/token', { code: own, verifier })
    expect((await send()).json.token).toMatch(/^pb_/)
    expect((await send()).status).toBe(401)
  })

  it('D9: sends its code nowhere but to loopback', async () => {
    const asked = { challenge: 'x'.repeat(43), state: 'y'.repeat(43), device: 'mine' }
    for (const redirectUri of [
      'https://evil.example/callback',
      'http://127.0.0.1.evil.example:80/callback',
      'http://127.0.0.1:80@evil.example/callback',
      'http://localhost:80/callback',
      'javascript:alert(1)',
    ]) {
      const answer = await anna.send('POST', '/v1/session/command-line', { ...asked, redirectUri })
      expect(answer.json.fields, redirectUri).toMatchObject([{ field: 'body.redirectUri' }])
    }
  })
})

it('login takes a token from standard input, and keeps none that is nobody', async () => {
  const { json } = await anna.send('POST', '/v1/tokens', { name: 'brought' })
  const args = ['login', '--server', patchbay.url, '--token-stdin']
  const wrong = await run(args, { env, input: 'pb_nobody\n' })
  expect(wrong).toMatchObject({ exit: 3 })
  expect(await readFile(tokens(), 'utf8')).not.toContain('pb_nobody')
  const right = await run(args, { env, input: `${json.token}\n` })
  expect(right).toMatchObject({ exit: 0, out: '' })
  const me = await run(['whoami'], { env })
  expect(me.out).toContain('anna the person: brought')
})

it('people and tokens are managed from the command line, secrets on standard output alone', async () => {
  const made = await run(
    ['person', 'create', 'carla', '--node', '1', '--name', 'Carla', '--email', 'c@contoso.example'],
    { env },
  )
  expect(made).toMatchObject({ exit: 0 })
  expect(made.out).toMatch(/\/sign-in#invitation=pbi_[\w-]{43}\n$/)
  const { items } = JSON.parse((await run(['person', 'list', '--json'], { env })).out)
  const carla = items.find(({ login }: { login: string }) => login === 'carla')
  const token = await run(
    ['token', 'create', 'script', '--allow', 'data/*=read,export', '--days', '3'],
    { env },
  )
  expect(token.out).toMatch(/^pb_[\w-]{43}\n$/)
  expect((await run(['token', 'list'], { env })).out).toContain('script')
  expect(await run(['person', 'disable', `${carla.id}`], { env })).toMatchObject({ exit: 0 })
  expect(await run(['person', 'delete', `${carla.id}`, '--yes'], { env })).toMatchObject({
    exit: 0,
  })
})
