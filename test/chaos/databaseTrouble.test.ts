import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { figure } from '../figures/figure.ts'
import { startTestPatchbay, type TestPatchbay } from '../server/patchbay.ts'
import { withLimit } from './support.ts'

/** Bounds of the product are five and sixty seconds. */
const patienceMs = 1_000
/** What one request may wait for: a connection, then a statement that does not come back. */
const mostMs = 3 * patienceMs + 6_000
let patchbay: TestPatchbay
let admin: pg.Client

beforeAll(async () => {
  await withLimit('poolWaitMs', patienceMs, () =>
    // Shorter than a statement may take, as in the product, or that bound would be all there is.
    withLimit('lockWaitMs', patienceMs / 2, () =>
      withLimit('statementMs', patienceMs, async () => {
        patchbay = await startTestPatchbay({ role: 'api' })
      }),
    ),
  )
  admin = new pg.Client({ connectionString: patchbay.databaseUrl.reveal() })
  await admin.connect()
  // The first use of a token is put on record, which is a write.
  expect((await ask('GET')).status).toBe(200)
}, 120_000)
afterAll(async () => {
  await admin.end()
  await patchbay.close()
})

interface Asked {
  status: number
  code: string
  detail: string
  /** Seconds until one may ask again; NaN where nothing was said. */
  retryAfter: number
  ms: number
}

async function ask(method: 'GET' | 'POST'): Promise<Asked> {
  const began = performance.now()
  const name = `Customer ${randomUUID()}`
  const answer = await fetch(`${patchbay.url}/v1/nodes`, {
    method,
    headers: {
      authorization: `Bearer ${patchbay.token}`,
      ...(method === 'POST' && { 'content-type': 'application/json' }),
    },
    ...(method === 'POST' && {
      body: JSON.stringify({ parentId: 1, kind: 'customer', name }),
    }),
  })
  const { code = '', detail = '' } = JSON.parse(await answer.text())
  const retryAfter = Number(answer.headers.get('retry-after') ?? Number.NaN)
  return { status: answer.status, code, detail, retryAfter, ms: performance.now() - began }
}

const many = () =>
  Promise.all(Array.from({ length: 30 }, (_, at) => ask(at % 3 === 0 ? 'POST' : 'GET')))

async function recovers(): Promise<void> {
  const began = performance.now()
  for (;;) {
    const [read, write] = [await ask('GET'), await ask('POST')]
    if (read.status === 200 && write.status === 201) break
    expect(performance.now() - began).toBeLessThan(5_000)
  }
  figure('ms until all is answered again', performance.now() - began, '<= 5000')
  expect((await fetch(`${patchbay.url}/health/ready`)).status).toBe(200)
}

/** A 503 that says that it is the database, what became of the request, and when to come again. */
const isClear = ({ status, code, detail, retryAfter }: Asked) =>
  status === 503 &&
  code === 'unavailable' &&
  /database/.test(detail) &&
  /try again/.test(detail) &&
  retryAfter >= 1 &&
  retryAfter <= 5

/** Everything was answered in time, and what failed is told clearly. */
async function boundedRefusals(): Promise<void> {
  const answers = await many()
  expect(answers.filter(({ ms }) => ms > mostMs)).toEqual([])
  figure('ms of the slowest answer', Math.max(...answers.map(({ ms }) => ms)), `<= ${mostMs}`)
  const failed = answers.filter(({ status }) => status >= 400)
  expect(failed.length).toBeGreaterThan(0)
  expect(failed.filter((answer) => !isClear(answer))).toEqual([])
}

// Fails when the pool has no wait of its own, the session no lock_timeout, or a lock that is not
// given is told as a conflict.
it('A11: a locked table and no connection left: bounded waits, words, and back in 5 seconds', async () => {
  await admin.query('begin; lock table patchbay.node in access exclusive mode')
  await boundedRefusals()
  await admin.query('rollback')
  await recovers()
})

// Fails when 25006 is not `unavailable`.
it('A11: a database that takes no writes is read from, and says why it is not written to', async () => {
  const { rows } = await admin.query<{ name: string }>('select current_database() as name')
  const name = admin.escapeIdentifier(rows[0]?.name ?? '')
  await admin.query(`alter database ${name} set default_transaction_read_only = on`)
  await cutConnections()
  const answers = await many()
  const refused = answers.filter(({ status }) => status !== 200)
  expect(refused.length).toBeGreaterThan(0)
  expect(refused.length).toBeLessThan(answers.length)
  expect(refused.filter((answer) => !isClear(answer))).toEqual([])
  await admin.query('begin read write; ')
  await admin.query(`alter database ${name} reset default_transaction_read_only`)
  await admin.query('commit')
  await cutConnections()
  await recovers()
})

/** Only root may stop the server's processes, and only where they run on this machine. */
const mayStop = process.getuid?.() === 0 && !process.env.PATCHBAY_TEST_POSTGRES?.includes('://')
// Fails when a connection has no query_timeout: its server cannot time out any more.
it.runIf(mayStop)(
  'A11: servers that stand still: bounded waits, words, and back in 5 seconds',
  async () => {
    await many()
    const { rows } = await admin.query<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database()
        and backend_type = 'client backend' and pid <> pg_backend_pid()`,
    )
    for (const { pid } of rows) process.kill(pid, 'SIGSTOP')
    try {
      await boundedRefusals()
    } finally {
      for (const { pid } of rows) process.kill(pid, 'SIGCONT')
    }
    await recovers()
  },
  60_000,
)

async function cutConnections(): Promise<void> {
  await admin.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`,
  )
}
