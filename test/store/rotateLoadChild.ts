import { Sealed } from '../../src/core/secret.ts'
import { openDatabase } from '../../src/store/database.ts'
import { keysOfFile } from '../../src/store/keyRing.ts'
import { inScope } from '../../src/store/scope.ts'
import { createVault } from '../../src/store/vault.ts'
import { quietLog } from './testing.ts'

/** What it tells its parent: when it is at work, and in the end how that went. */
export type Told = 'working' | { failures: string[]; during: number }

/**
 * Reads and stores secrets, old and new, with the keys it has read itself; once it is told that
 * the rotation is over, a few more.
 */
const [url = '', path = '', name = '', json = '[]'] = process.argv.slice(2)
const refs: [owner: string, field: string][] = JSON.parse(json)
const lanes = ['a', 'b', 'c', 'd']
const turnsBefore = 5
const turnsAfter = 5

const db = await openDatabase({ url: new Sealed(url), name, log: quietLog, poolMax: lanes.length })
const vault = await createVault({ db, masterKeys: keysOfFile(path, db) })
const failures: string[] = []
let done = 0
let duringAndBefore: number | undefined
const before = lanes.length * turnsBefore

const tell = (told: Told) => process.send?.(told)
process.once('message', () => {
  duringAndBefore = done
})
// Nobody would ever tell it to stop.
process.once('disconnect', () => process.exit())

async function use(turn: number, lane: string): Promise<void> {
  const [owner = '', field = ''] = refs[(turn * 7) % refs.length] ?? []
  await inScope(db, '1.', async (tx) => {
    const secret = await vault.get(tx, { owner, field })
    if (secret?.reveal() !== `${owner} ${field}`) throw new Error(`${owner} ${field} is another`)
    // A first secret of a new owner is what needs the current master key.
    await vault.put(tx, `new:${name}${lane}${turn}`, '1.2.', 'x', new Sealed('x'))
  }).catch((error) => failures.push(`${error}`))
  done += 1
  if (done === before) tell('working')
}

await Promise.all(
  lanes.map(async (lane) => {
    let left = turnsAfter
    for (let turn = 0; left > 0; turn++) {
      await use(turn, lane)
      if (duringAndBefore !== undefined) left -= 1
    }
  }),
)
tell({ failures, during: (duringAndBefore ?? 0) - before })
await db.close()
process.disconnect?.()
