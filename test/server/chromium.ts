import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { isJsonObject, type JsonObject } from '../../src/core/json.ts'

const program = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync)

/** Debian's package is installed. */
export const hasChromium = program !== undefined

export interface Page {
  goTo(url: string): Promise<void>
  /** What an expression comes to there; a promise is waited for. */
  evaluate(expression: string): Promise<unknown>
  close(): Promise<void>
}

/** One page of a real browser, driven by its own protocol (chromedevtools.github.io). */
export async function openPage(): Promise<Page> {
  const folder = await mkdtemp(join(tmpdir(), 'patchbay-chromium-'))
  const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--remote-debugging-port=0']
  const args = [...flags, `--user-data-dir=${folder}`, 'about:blank']
  const child = spawn(program ?? 'chromium', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const gone = new Promise((resolve) => child.once('exit', resolve))
  const socket = new WebSocket(await addressOf(child.stderr))
  await new Promise((resolve, reject) => {
    socket.onopen = resolve
    socket.onerror = reject
  })
  const send = callsOver(socket)
  const { targetId } = await send('Target.createTarget', { url: 'about:blank' })
  const attached = await send('Target.attachToTarget', { targetId: targetId ?? '', flatten: true })
  const sessionId = String(attached.sessionId)
  return {
    async goTo(url) {
      await send('Page.navigate', { url }, sessionId)
    },
    async evaluate(expression) {
      const asked = { expression, awaitPromise: true, returnByValue: true }
      const { result, exceptionDetails } = await send('Runtime.evaluate', asked, sessionId)
      if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails))
      return isJsonObject(result) ? result.value : undefined
    },
    async close() {
      socket.close()
      child.kill('SIGKILL')
      await gone
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

async function addressOf(stderr: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: stderr })) {
    const [, address] = /^DevTools listening on (\S+)/.exec(line) ?? []
    if (address !== undefined) {
      stderr.resume()
      return address
    }
  }
  throw new Error('Chromium ended before it listened')
}

function callsOver(socket: WebSocket) {
  const waiting = new Map<number, (answer: JsonObject) => void>()
  socket.onmessage = ({ data }) => {
    const { id, result, error } = JSON.parse(String(data))
    waiting.get(id)?.(result ?? { exceptionDetails: error })
    waiting.delete(id)
  }
  let last = 0
  return (method: string, params: JsonObject, sessionId?: string) =>
    new Promise<JsonObject>((resolve) => {
      last += 1
      waiting.set(last, resolve)
      socket.send(JSON.stringify({ id: last, method, params, ...(sessionId && { sessionId }) }))
    })
}
