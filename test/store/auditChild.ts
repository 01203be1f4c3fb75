import { limits } from '../../src/core/limits.ts'
import { Sealed } from '../../src/core/secret.ts'
import { readSealed, verifyChains } from '../../src/store/auditChain.ts'
import { openDatabase } from '../../src/store/database.ts'
import { inScope } from '../../src/store/scope.ts'
import { quietLog } from './testing.ts'

/** Takes out every entry and verifies the chains; prints what that took, as JSON. */
const [url = ''] = process.argv.slice(2)
const db = await openDatabase({ url: new Sealed(url), name: 'audit', log: quietLog })

/** Entry by entry, as an export goes. */
async function* sealedEntries(scope: string[]) {
  let after = { chain: 0, seq: 0 }
  for (;;) {
    const links = await inScope(db, scope, (tx) => readSealed(tx, after, limits.auditBatchRows))
    yield* links
    const last = links.at(-1)
    if (last === undefined) return
    after = last
  }
}

// The first batches make room that a process keeps; what comes after must fit into it. They are of
// three customers: of all of them, whoever holds everything at once would have that room, too.
const some = ['1.2.', '1.3.', '1.4.']
for (let round = 0; round < 4; round++) {
  for await (const _ of sealedEntries(some));
  await verifyChains(db, some, false, [])
}
const before = process.memoryUsage.rss()
let most = before
const watch = setInterval(() => {
  most = Math.max(most, process.memoryUsage.rss())
}, 20)
const began = performance.now()
let lines = 0
let broken = 0
for await (const { entry = '\n' } of sealedEntries(['1.'])) {
  lines += 1
  if (/[\r\n]/.test(entry)) broken += 1
}
const { chains, unsealed } = await verifyChains(db, '1.', true, [])
clearInterval(watch)
const faults = [unsealed, ...chains.map(({ fault }) => fault)].filter((each) => each !== undefined)
process.stdout.write(
  JSON.stringify({
    ...{ lines, broken, faults: faults.length },
    verified: chains.reduce((sum, { entries }) => sum + entries, 0),
    seconds: (performance.now() - began) / 1_000,
    megabytes: (most - before) / (1024 * 1024),
  }),
)
await db.close()
