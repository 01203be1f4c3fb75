import { badInput } from '../core/errors.ts'
import { Sealed } from '../core/secret.ts'
import type { Cli } from './cli.ts'

/**
 * A secret from a file or from standard input (`-`), never from an argument: arguments stand in
 * the list of processes and in the shell's history. The line end an editor leaves is cut off.
 */
export async function readSecret(cli: Cli, path: string): Promise<Sealed> {
  const text = new TextDecoder().decode(await cli.terminal.read(path)).replace(/\r?\n$/, '')
  if (text === '') throw badInput(path === '-' ? 'standard input' : path, 'holds no secret')
  return new Sealed(text)
}
