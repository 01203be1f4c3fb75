import { AppError } from '../core/errors.ts'
import type { Cli } from './cli.ts'
import { escapeText } from './escape.ts'

/**
 * Does what the server wants confirmed: asks it once, shows the person what the server says would
 * happen, and repeats with the confirmation. `--yes` confirms at once.
 */
export async function confirmed<T>(
  cli: Cli,
  yes: boolean | undefined,
  ask: () => Promise<T>,
  doIt: () => Promise<T>,
): Promise<T> {
  if (yes) return await doIt()
  try {
    return await ask()
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'confirmation-required') throw error
    if (!cli.terminal.inIsKeyboard) throw withRemedy(error)
    cli.terminal.err(`${escapeText(error.message)}\n`)
    const answer = await cli.terminal.ask('Do it? [y/N] ')
    if (!/^y(es)?$/i.test(answer.trim())) {
      throw new AppError('cancelled', 'Nothing was done.', { cause: error })
    }
    return await doIt()
  }
}

/** Deletes one object of a noun: the server wants its name as the confirmation. */
export async function deleteConfirmed<P>(
  cli: Cli,
  yes: boolean | undefined,
  params: P,
  api: {
    show(input: { params: P }): Promise<{ name: string }>
    delete(input: { params: P; query?: { confirm?: string } }): Promise<unknown>
  },
): Promise<void> {
  await confirmed(
    cli,
    yes,
    () => api.delete({ params }),
    async () => {
      const { name } = await api.show({ params })
      return await api.delete({ params, query: { confirm: name } })
    },
  )
}

function withRemedy(error: AppError): AppError {
  return new AppError(error.code, `${error.message} Repeat with --yes to do it.`, { cause: error })
}
