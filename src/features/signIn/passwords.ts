import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { AppError, badInput } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { createSlots } from '../../core/parallel.ts'
import type { Sealed } from '../../core/secret.ts'

const { passwordMemoryKib: memory, passwordPasses: passes, passwordLanes: lanes } = limits
const header = `$argon2id$v=19$m=${memory},t=${passes},p=${lanes}`
const saltBytes = 16
const hashBytes = 32

/** argon2id as a PHC string, with the parameters it was made by. */
export async function hashPassword(password: Sealed): Promise<string> {
  const salt = randomBytes(saltBytes)
  const hash = await slow(password, { salt, memory, passes, lanes })
  return `${header}$${unpadded(salt)}$${unpadded(hash)}`
}

/**
 * Whether it is the password. Without a stored one it takes as long and is not: who has no account
 * is answered like who mistyped.
 */
export async function isPassword(password: Sealed, stored: string | null): Promise<boolean> {
  const { salt, hash, ...costs } = parsed(stored ?? nobodys)
  const found = await slow(password, { salt, ...costs })
  const equal = found.length === hash.length && timingSafeEqual(found, hash)
  return equal && stored !== null
}

/** Of no password: the hash is of zeros only by a chance of 2^-256. */
const nobodys = `${header}$${unpadded(Buffer.alloc(saltBytes))}$${unpadded(Buffer.alloc(hashBytes))}`

/**
 * Long, and not the login: no rules of which characters, which only make people write "1!" at the
 * end (NIST SP 800-63B-4 section 3.1.1). Throws `bad-input`.
 */
export function requireGoodPassword(password: Sealed, login: string, field: string): void {
  const text = normal(password)
  const { passwordCharsMin: least } = limits
  if ([...text].length < least) throw badInput(field, `needs at least ${least} characters.`)
  if (new Set(text).size < 5) throw badInput(field, 'repeats itself; take some words.')
  if (login.length > 3 && text.toLowerCase().includes(login.toLowerCase())) {
    throw badInput(field, 'may not hold the login.')
  }
}

interface Costs {
  salt: Buffer
  memory: number
  passes: number
  lanes: number
}

function parsed(stored: string): Costs & { hash: Buffer } {
  const [, m, t, p, salt, hash] =
    /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([\w+/]+)\$([\w+/]+)$/.exec(stored) ?? []
  if (hash === undefined) throw new RangeError('a stored password is not in the PHC form')
  return {
    ...{ memory: Number(m), passes: Number(t), lanes: Number(p) },
    ...{ salt: Buffer.from(salt ?? '', 'base64'), hash: Buffer.from(hash, 'base64') },
  }
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}

/** One character may be written in several ways, depending on the keyboard. */
function normal(password: Sealed): string {
  return password.reveal().normalize('NFKC')
}

/** Each takes 19 MiB and a core: a burst of sign-ins must not take the server's memory. */
const slots = createSlots(limits.passwordChecksAtOnce)
let waiting = 0

async function slow(password: Sealed, { salt, memory, passes, lanes }: Costs): Promise<Buffer> {
  if (waiting >= limits.passwordChecksWaiting) {
    throw new AppError('too-many-requests', 'Too many people sign in just now; try again soon.', {
      retryAfterMs: limits.signInDelayMs,
    })
  }
  waiting += 1
  const message = normal(password)
  const parameters = { message, nonce: salt, memory, passes, parallelism: lanes }
  try {
    return await slots(
      () =>
        new Promise<Buffer>((resolve, reject) => {
          argon2('argon2id', { ...parameters, tagLength: hashBytes }, (error, hash) =>
            error ? reject(error) : resolve(hash),
          )
        }),
    )
  } finally {
    waiting -= 1
  }
}
