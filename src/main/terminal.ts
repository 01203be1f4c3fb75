import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import type { Terminal } from '../cli/cli.ts'
import { badInput } from '../core/errors.ts'

const columnsElsewhere = 100

/** This process's standard streams. */
export function createTerminal(): Terminal {
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    errIsScreen: process.stderr.isTTY === true,
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
    return await lines.question(question)
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
