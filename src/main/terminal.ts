import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import type { Terminal } from '../cli/cli.ts'
import { badInput } from '../core/errors.ts'

const columnsElsewhere = 100

/** This process's standard streams. Who reads our data may stop early (`| head`): then so do we. */
export function createTerminal(): Terminal {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(0)
  })
  return {
    out: (text) => void process.stdout.write(text),
    outAll: async (text) => {
      if (!process.stdout.write(text)) await once(process.stdout, 'drain')
    },
    err: (text) => void process.stderr.write(text),
    errIsScreen: process.stderr.isTTY === true,
    outIsScreen: process.stdout.isTTY === true,
    inIsKeyboard: process.stdin.isTTY === true,
    columns: process.stderr.columns ?? columnsElsewhere,
    ask,
    read,
  }
}

/** The question goes to standard error: standard output is data. */
async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    // Ctrl-C, or the end of the input, is a no.
    return await lines.question(question).catch(() => '')
  } finally {
    lines.close()
  }
}

async function read(path: string): Promise<Uint8Array> {
  if (path !== '-') {
    return await readFile(path).catch((error: NodeJS.ErrnoException) => {
      throw badInput(path, `cannot be read (${error.code ?? 'unknown'})`)
    })
  }
  const chunks: Uint8Array[] = []
  for await (const chunk of process.stdin) chunks.push(chunk)
  return Buffer.concat(chunks)
}
