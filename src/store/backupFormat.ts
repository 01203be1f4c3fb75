import { createHash } from 'node:crypto'
import type { Writable } from 'node:stream'
import { AppError } from '../core/errors.ts'
import { isJsonObject, type JsonObject } from '../core/json.ts'
import { limits } from '../core/limits.ts'

/**
 * A backup is lines of JSON with pieces of data between them:
 *
 *     {"format":"patchbay-backup","version":1,"migrations":[...],"masterKeys":[...],"tables":[...]}
 *     {"table":"node","columns":["id",...]}
 *     {"bytes":65536}
 *     <65536 bytes of PostgreSQL's COPY, text format>
 *     {"rows":812,"sha256":"..."}
 *     ...
 *     {"complete":true,"sha256":"<over the lines before, without the data>"}
 *
 * Text, because it is the same in every version of PostgreSQL; with its length before it, because
 * then neither side holds more than one piece. The last line covers every other one, and those the
 * data: what is cut, changed or moved does not pass.
 */
export const backupFormat = 'patchbay-backup'
export const backupVersion = 1

export interface BackupWriter {
  line(value: JsonObject): Promise<void>
  /** The rows of a table, as COPY gives them. */
  table(
    about: { table: string; columns: string[] },
    data: AsyncIterable<Buffer>,
    rows: () => number,
  ): Promise<void>
  complete(): Promise<void>
}

export function createBackupWriter(out: Writable): BackupWriter {
  const lines = createHash('sha256')
  async function line(value: JsonObject): Promise<void> {
    const text = `${JSON.stringify(value)}\n`
    lines.update(text)
    await send(out, text)
  }
  return {
    line,
    async table({ table, columns }, data, rows) {
      await line({ table, columns })
      const hash = createHash('sha256')
      for await (const piece of data) {
        hash.update(piece)
        await line({ bytes: piece.length })
        await send(out, piece)
      }
      await line({ rows: rows(), sha256: hash.digest('hex') })
    },
    async complete() {
      await send(out, `${JSON.stringify({ complete: true, sha256: lines.digest('hex') })}\n`)
    },
  }
}

/** Waits while whoever reads is slower than we are. */
async function send(out: Writable, bytes: string | Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    out.write(bytes, (error) => (error ? reject(error) : resolve()))
  })
}

export interface BackupReader {
  line(): Promise<JsonObject>
  /** The pieces of a table, up to the line behind them; checked against it, which is answered. */
  pieces(): AsyncGenerator<Buffer, { rows: number }>
  /** Throws unless the last line says that nothing is missing. */
  requireComplete(last: JsonObject): void
}

/** Throws `bad-input` for what is no backup, cut off, or not as it was written. */
export function createBackupReader(source: AsyncIterable<Buffer>): BackupReader {
  const input = source[Symbol.asyncIterator]()
  const lines = createHash('sha256')
  let before = ''
  let rest: Buffer = Buffer.alloc(0)

  async function more(): Promise<void> {
    const { done, value } = await input.next()
    if (done) throw broken('ends in the middle')
    rest = rest.length === 0 ? value : Buffer.concat([rest, value])
  }

  async function line(): Promise<JsonObject> {
    let end = rest.indexOf(10)
    while (end < 0) {
      if (rest.length > limits.backupLineBytes) throw broken('is no backup of Patchbay')
      await more()
      end = rest.indexOf(10)
    }
    // Behind by one line: the last is not part of what it covers.
    lines.update(before)
    before = rest.toString('utf8', 0, end + 1)
    rest = rest.subarray(end + 1)
    return parsed(before)
  }

  async function* piece(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0; ) {
      if (rest.length === 0) await more()
      const part = rest.subarray(0, left)
      rest = rest.subarray(part.length)
      left -= part.length
      yield part
    }
  }

  return {
    line,
    async *pieces() {
      const hash = createHash('sha256')
      for (;;) {
        const { bytes, rows, sha256 } = await line()
        if (typeof bytes === 'number' && bytes >= 0) {
          for await (const part of piece(bytes)) {
            hash.update(part)
            yield part
          }
        } else if (typeof rows === 'number' && sha256 === hash.digest('hex')) {
          return { rows }
        } else {
          throw broken('is not as it was written')
        }
      }
    },
    requireComplete({ complete, sha256 }) {
      if (complete !== true || sha256 !== lines.digest('hex')) throw broken('was changed')
    },
  }
}

function parsed(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text)
    if (isJsonObject(value)) return value
  } catch {
    // Said below.
  }
  throw broken('is no backup of Patchbay')
}

export function broken(what: string): AppError {
  return new AppError(
    'bad-input',
    `The backup ${what}. Nothing was restored: the database is as empty as it was. Take another copy of it.`,
  )
}
