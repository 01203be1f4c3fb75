import { parseArgs } from 'node:util'
import { AppError } from '../core/errors.ts'
import { rootPath } from '../features/hierarchy/root.ts'
import type { Database } from '../store/database.ts'
import { checkSecrets, type RotationStep, rotateMasterKey } from '../store/keyRotation.ts'
import { createVault, type Vault } from '../store/vault.ts'
import { withLocalDatabase, withLocalServer } from './localDatabase.ts'
import { masterKeysOf } from './masterKeys.ts'
import { readSettings, type Settings } from './settings.ts'

export const keyHelp = `Usage: patchbay key rotate|verify [--data <path>]

  rotate  puts a new master key in the place of the current one while Patchbay runs;
          cut off, it goes on where it was
  verify  opens every stored secret and says how many there are of each kind

Works on the data directory and database of this machine, as serve does; docs/guides tells how.
`

/** Answers the exit code. */
export async function key(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { data: { type: 'string' } },
    allowPositionals: true,
  })
  const [verb, ...more] = positionals
  if ((verb !== 'rotate' && verb !== 'verify') || more.length > 0) {
    throw new AppError('bad-input', keyHelp)
  }
  const settings = await readSettings(process.env, values)
  return await withLocalServer(settings, (url) =>
    withLocalDatabase(url, 'patchbay key', async (db) => {
      const vault = await createVault({ db, masterKeys: masterKeysOf(settings, db) })
      if (verb === 'rotate') await rotate(db, vault, settings)
      return await verify(db, vault)
    }),
  )
}

async function rotate(
  db: Database,
  vault: Vault,
  { masterKeys, masterKeyFile }: Settings,
): Promise<void> {
  const keys = masterKeys === undefined ? { path: masterKeyFile } : { given: masterKeys }
  await rotateMasterKey({ db, vault, scope: rootPath }, keys, (step) =>
    process.stderr.write(`${say(step)}\n`),
  )
}

async function verify(db: Database, vault: Vault): Promise<number> {
  const { opened, failed } = await checkSecrets(db, vault, rootPath)
  for (const [kind, count] of [...opened].sort()) process.stdout.write(`${count} ${kind}\n`)
  for (const { owner, field } of failed) {
    process.stderr.write(`error: ${field} of ${owner} does not open\n`)
  }
  return failed.length === 0 ? 0 : 1
}

function say(done: RotationStep): string {
  if (done.step === 'added') return `key ${done.id} is in the key file, before the current one`
  if (done.step === 'current') return `key ${done.id} is the current one`
  if (done.step === 'rewrapped') return `${done.count} data keys are wrapped anew`
  if (done.step === 'forgotten') return 'the database needs no other key any more'
  return `key ${done.id} is the only one left: back the key file up`
}
