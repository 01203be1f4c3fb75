import type { Database } from '../store/database.ts'
import { type KeySource, keysOfFile } from '../store/keyRing.ts'
import type { Settings } from './settings.ts'

/** From the environment, or from the file in the data directory, which the first start makes. */
export function masterKeysOf({ masterKeys, masterKeyFile }: Settings, db: Database): KeySource {
  return masterKeys === undefined ? keysOfFile(masterKeyFile, db) : async () => masterKeys
}
