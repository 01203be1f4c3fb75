import { performance } from 'node:perf_hooks'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { type Started, start } from './support.ts'

/**
 * How fast the emulated tenant is, as JSON lines: `node test/emulator/measure.ts [users]`. The
 * client has a thread of its own, so that what is measured is the emulator.
 */
const select =
  'id,userPrincipalName,displayName,givenName,surname,department,jobTitle,mail,mobilePhone,businessPhones,officeLocation,city,country,accountEnabled,usageLocation,assignedLicenses,employeeId,companyName,userType,createdDateTime'

interface Target {
  url: string
  caPem: string
  token: string
}

async function measure(users: number): Promise<void> {
  const began = performance.now()
  const emulator = await start({ tenants: [{ users, seed: 7 }] })
  report({ measure: 'start', users, ms: performance.now() - began, rssMb: rssMb() })
  await inThread(emulator)
  report({ measure: 'end', rssMb: rssMb() })
  await emulator.close()
}

async function inThread(emulator: Started): Promise<void> {
  const { url, caPem } = emulator
  const target: Target = { url, caPem, token: await emulator.token() }
  const worker = new Worker(new URL(import.meta.url), { workerData: target })
  worker.on('message', report)
  await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject))
}

async function readLists(target: Target): Promise<void> {
  const { Agent, fetch } = await import('undici')
  const dispatcher = new Agent({ connect: { ca: target.caPem } })
  const walk = async (path: string) => {
    let items = 0
    let next: string | undefined = target.url + path
    while (next !== undefined) {
      const headers = { authorization: `Bearer ${target.token}`, 'accept-encoding': 'gzip' }
      const text: string = await (await fetch(next, { dispatcher, headers })).text()
      // Parsing is the client's work and is not measured.
      items += text.match(/"createdDateTime":/g)?.length ?? 0
      next = /"@odata\.nextLink":"([^"]+)"/.exec(text)?.[1]
    }
    return items
  }
  const list = `/v1.0/users?$top=999&$select=${select}`
  const lists: Record<string, string[]> = {
    'one list': [list],
    'one list with managers': [`${list}&$expand=manager($select=id)`],
    'four lists at once': [list, list, list, list],
    '26 shards at once': [...'abcdefghijklmnopqrstuvwxyz'].map(
      (letter) => `${list}&$filter=startswith(userPrincipalName,'${letter}')`,
    ),
  }
  for (const [measured, paths] of Object.entries(lists)) {
    const began = performance.now()
    const items = (await Promise.all(paths.map(walk))).reduce((sum, count) => sum + count, 0)
    const seconds = (performance.now() - began) / 1000
    parentPort?.postMessage({
      measure: measured,
      items,
      seconds,
      perSecond: Math.round(items / seconds),
    })
  }
  await dispatcher.close()
}

function rssMb(): number {
  return Math.round(process.memoryUsage().rss / 1e6)
}

function report(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

if (isMainThread) await measure(Number(process.argv[2] ?? 100_000))
else await readLists(workerData)
