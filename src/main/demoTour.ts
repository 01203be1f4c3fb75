import { spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Client, createClient } from '../client/client.ts'
import { type Api, api } from '../contract/api.ts'
import { AppError } from '../core/errors.ts'
import { Sealed } from '../core/secret.ts'
import { systemClock } from './clock.ts'
import { adminTokenFile } from './dataDir.ts'
import { type DemoMicrosoft, departmentAtMicrosoft } from './demoMicrosoft.ts'
import { launcher } from './version.ts'

export interface DemoWorld extends DemoMicrosoft {
  dataDir: string
  server: string
  /** Where the walk is shown. */
  walked: typeof process.stdout | typeof process.stderr
}

/** What the demo did, as it says at its end. */
interface Summary {
  models: { model: string; added: number; requests: number }[]
  transactions: { title: string; state: string }[]
  auditEntries: number
}

const users = 'device/msgraph/MSOLUser'
const department = 'Night Shift'

/** Walks through the main line as a person would, each command shown with what it prints. */
export async function tour(
  world: DemoWorld,
  startSeconds: number,
  keepsRunning: boolean,
): Promise<Summary & { startSeconds: number; walkSeconds: number }> {
  const began = performance.now()
  const { tenant, server, emulator } = world
  const say = sayTo(world)
  const heading = (text: string) => say(`\n== ${text}`)
  const client = await openClient(world)
  say(`Patchbay runs at ${server}, an emulated Microsoft 365 at ${emulator}.`)
  say(`Its tenant ${tenant.domain} has ${tenant.users} people and ${tenant.groups} groups.`)

  heading('An administrator attaches the tenant to a customer')
  await patchbay(world, ['node', 'create', '--parent', '1', '--kind', 'customer', 'Contoso'])
  const id = await attachTenant(world, client)

  heading('tests the connection')
  await patchbay(world, ['tenant', 'test', id, '--yes'])

  heading('syncs everything, and finds it in PostgreSQL')
  await patchbay(world, ['sync', 'start', id, '--wait'])
  await patchbay(world, ['resource', 'list', '--tenant', id, users, '--limit', '5'])

  heading('changes a department: first as a dry run, then for real')
  const person = await somebody(client, Number(id))
  const change = ['resource', 'set', '--tenant', id, users, person.name, `department=${department}`]
  await patchbay(world, [...change, '--dry-run'])
  await patchbay(world, [...change, '--wait'])
  const changed = await departmentAtMicrosoft(world, person.key)
  say(`At Microsoft, the department of ${person.name} now is ${changed}.`)

  heading('and undoes it')
  const [transaction] = (await client.transaction.list({ query: {} })).items
  await patchbay(world, ['transaction', 'undo', String(transaction?.id), '--wait'])
  const restored = await departmentAtMicrosoft(world, person.key)
  say(`At Microsoft, it is ${restored} again.`)
  require(changed === department, 'The change did not arrive at Microsoft.')
  require(restored === person.department, 'The change was not undone at Microsoft.')

  heading('Summary')
  const summary = await summarise(client, world)
  const walkSeconds = (performance.now() - began) / 1_000
  say(`Started in ${startSeconds.toFixed(1)} s, walked through in ${walkSeconds.toFixed(1)} s.`)
  if (keepsRunning) sayNext(world, id, person.name)
  else say('Without ONCE=1, `make demo` leaves all of it running to look at.')
  return { ...summary, startSeconds, walkSeconds }
}

async function openClient({ server, dataDir }: DemoWorld): Promise<Client<Api>> {
  const token = new Sealed((await readFile(adminTokenFile(dataDir), 'utf8')).trim())
  return createClient(api, { baseUrl: server, token, fetch, clock: systemClock })
}

async function attachTenant(world: DemoWorld, client: Client<Api>): Promise<string> {
  const { tenant, dataDir } = world
  const node = (await client.node.list({ query: {} })).items.find((one) => one.name === 'Contoso')
  const secretFile = join(dataDir, 'client-secret')
  await writeFile(secretFile, tenant.clientSecret, { mode: 0o600 })
  await patchbay(world, [
    ...['tenant', 'add', '--node', String(node?.id), '--name', 'Contoso', '--cloud', 'emulator'],
    ...['--tenant-id', tenant.tenantId, '--client-id', tenant.clientId],
    ...['--secret-file', secretFile],
  ])
  const [attached] = (await client.tenant.list({ query: {} })).items
  return String(attached?.id)
}

async function somebody(
  client: Client<Api>,
  tenantId: number,
): Promise<{ key: string; name: string; department: string }> {
  const params = { tenantId, application: 'msgraph', name: 'MSOLUser' }
  const { items } = await client.resource.list({ params, query: { limit: 100 } })
  for (const { key, columns } of items) {
    const { userPrincipalName: name, department: current } = columns
    if (typeof name === 'string' && typeof current === 'string' && /^[\w.@-]+$/.test(name)) {
      return { key, name, department: current }
    }
  }
  throw new AppError('internal', 'The emulated tenant has nobody whom the demo could change.')
}

async function summarise(client: Client<Api>, world: DemoWorld): Promise<Summary> {
  const say = sayTo(world)
  const [sync] = (await client.sync.list({ query: {} })).items
  const models = (sync?.models ?? []).map(({ model, added, requests }) => ({
    ...{ model, added, requests },
  }))
  for (const { model, added, requests } of models) {
    say(`${model}: ${added} read in with ${requests} requests`)
  }
  const people = models.find(({ model }) => model === users)
  require(people?.added === world.tenant.users, 'Not everybody of the tenant was read in.')
  const { items } = await client.transaction.list({ query: {} })
  const transactions = items.toReversed().map(({ title, state }) => ({ title, state }))
  for (const { title, state } of transactions) say(`transaction ${title}: ${state}`)
  const audit = (await client.audit.list({ query: { limit: 1000 } })).items
  say(`${audit.length} entries on record: patchbay audit list`)
  return { models, transactions, auditEntries: audit.length }
}

function sayNext(world: DemoWorld, id: string, name: string): void {
  const { server, dataDir } = world
  const say = sayTo(world)
  say('\nTo go on from here, in another terminal:')
  say(`  export PATCHBAY_SERVER=${server} PATCHBAY_TOKEN_FILE=${adminTokenFile(dataDir)}`)
  say(`  npm run -s patchbay -- resource show --tenant ${id} ${users} ${name}`)
  say(`  npm run -s patchbay -- sync start ${id} --wait`)
  say('  npm run -s patchbay -- audit list')
  say('  npm run -s patchbay -- --help')
}

/** Runs one command as anybody would; what it prints is what people see. */
async function patchbay(world: DemoWorld, args: readonly string[]): Promise<void> {
  const shown = args.map((arg) => (arg.includes(' ') ? `'${arg}'` : arg)).join(' ')
  sayTo(world)(`\n$ patchbay ${shown.replaceAll(`${world.dataDir}/`, '')}`)
  const env = {
    ...process.env,
    PATCHBAY_SERVER: world.server,
    PATCHBAY_TOKEN_FILE: adminTokenFile(world.dataDir),
  }
  const child = spawn(process.execPath, [launcher, ...args], {
    stdio: ['inherit', world.walked.fd, 'inherit'],
    env,
  })
  const code = await new Promise((resolve) => child.once('exit', resolve))
  require(code === 0, `patchbay ${args[0]} ${args[1]} ended with exit code ${code}.`)
}

function require(holds: boolean, otherwise: string): void {
  if (!holds) throw new AppError('internal', `The demo failed. ${otherwise}`)
}

function sayTo({ walked }: DemoWorld): (text: string) => void {
  return (text) => void walked.write(`${text}\n`)
}
