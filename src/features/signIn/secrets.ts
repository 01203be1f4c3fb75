import { createHash, createHmac, randomBytes } from 'node:crypto'
import { Sealed } from '../../core/secret.ts'

/** 256 random bits. The prefix lets people and scanners of leaked secrets see what it is. */
export function newSecret(prefix: 'pb' | 'pbs' | 'pbd' | 'pbi' | 'pbo'): Sealed {
  return new Sealed(`${prefix}_${randomBytes(32).toString('base64url')}`)
}

/** What is stored of a secret of `newSecret`: nobody guesses 256 bits, so it need not be slow. */
export function hashOf(secret: Sealed): Buffer {
  return createHash('sha256').update(secret.reveal()).digest()
}

/** A value only the holder of the secret knows, one for each use. */
export function derived(secret: Sealed, use: string): string {
  return createHmac('sha256', secret.reveal()).update(use).digest('base64url')
}
