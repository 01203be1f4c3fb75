import { writeSync } from 'node:fs'
import { Sealed } from '../../src/core/secret.ts'
import { openDatabase } from '../../src/store/database.ts'
import { keysOfFile } from '../../src/store/keyRing.ts'
import { rotateMasterKey } from '../../src/store/keyRotation.ts'
import { createVault } from '../../src/store/vault.ts'
import { quietLog } from './testing.ts'

/** Rotates, and is gone, as by kill -9, right behind its first step; prints which that was. */
const [url = '', path = ''] = process.argv.slice(2)
const db = await openDatabase({ url: new Sealed(url), name: 'rotation', log: quietLog })
const vault = await createVault({ db, masterKeys: keysOfFile(path, db) })
await rotateMasterKey({ db, vault, scope: '1.' }, { path }, ({ step }) => {
  writeSync(1, step)
  process.kill(process.pid, 'SIGKILL')
})
