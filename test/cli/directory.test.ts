import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { askGraph } from '../conformance/microsoft.ts'
import { control } from '../engine/control.ts'
import { startTestPatchbay, type TestPatchbay } from '../server/patchbay.ts'
import { run } from './command.ts'

let patchbay: TestPatchbay
let folder: string

beforeAll(async () => {
  patchbay = await startTestPatchbay()
  folder = await mkdtemp(join(tmpdir(), 'patchbay-test-directory-'))
  const secretFile = join(folder, 'secret')
  const { tenantId = '', clientId = '', clientSecret } = access()
  await writeFile(secretFile, `${clientSecret}\n`, { mode: 0o600 })
  await json(['node', 'create', '--parent', '1', '--kind', 'customer', 'Contoso'])
  const ids = ['--tenant-id', tenantId, '--client-id', clientId, '--cloud', 'emulator']
  const tenant = ['tenant', 'add', '--node', '2', '--name', 'Contoso', ...ids]
  await json([...tenant, '--secret-file', secretFile])
  await makeTeam()
})
afterAll(async () => {
  await patchbay.close()
  await rm(folder, { recursive: true })
})

function access() {
  const [tenant] = patchbay.emulator.tenants
  if (tenant === undefined) throw new Error('the emulator has no tenant')
  return tenant
}

const microsoft = (method: string, address: string, body?: object) =>
  askGraph({ emulator: patchbay.emulator, access: access() }, method, address, body)

/** So small a tenant has no team by itself. */
async function makeTeam(): Promise<void> {
  const asked = control(patchbay.emulator, access().tenantId)
  const [group] = (await asked.snapshot()).groups
  const values = { resourceProvisioningOptions: ['Team'], visibility: 'Private' }
  await asked.mutate('update', { id: group?.id, values })
  await asked.close()
}

async function json(args: readonly string[]): Promise<ReturnType<typeof JSON.parse>> {
  const env = { PATCHBAY_SERVER: patchbay.url, PATCHBAY_TOKEN_FILE: patchbay.tokenFile }
  const ended = await run([...args, '--json'], { env })
  expect(ended).toMatchObject({ exit: 0 })
  return JSON.parse(ended.out)
}

const of = (name: string) => `device/msgraph/${name}`
const list = async (name: string) => (await json(['resource', 'list', '1', of(name)])).items
const show = (name: string, ref: string) => json(['resource', 'show', '1', of(name), ref])

/** A product with seats to spare, and a security group to give it to. */
async function licensable() {
  const skus = (await microsoft('GET', 'subscribedSkus')).value
  const spare = (Array.isArray(skus) ? skus : [])
    .map((sku) => Object(sku))
    .find((sku) => sku.skuPartNumber === 'FLOW_FREE')
  const address =
    'groups?$filter=securityEnabled%20eq%20true%20and%20mailEnabled%20eq%20false&$expand=members'
  const groups = (await microsoft('GET', address)).value
  const group = (Array.isArray(groups) ? groups : [])
    .map((one) => Object(one))
    .find(({ members }) => members?.some((member: JsonObject) => isPerson(member)))
  return { spare, group, person: group.members.find(isPerson) }
}

function isPerson(member: JsonObject): boolean {
  return member['@odata.type'] === '#microsoft.graph.user'
}

describe('the directory beside people and groups', () => {
  it('is read in by one sync', async () => {
    const run = await json(['sync', 'start', '1', '--wait'])
    expect(run).toMatchObject({ state: 'succeeded' })
    expect(run.models.length).toBeGreaterThanOrEqual(12)
  })

  it('lists rooms, domains and the organisation as Microsoft has them', async () => {
    const rooms = (await microsoft('GET', 'places/microsoft.graph.room')).value
    expect(await list('Room')).toHaveLength(Array.isArray(rooms) ? rooms.length : -1)
    const domains = await list('Domain')
    expect(domains.map(({ name }: { name: string }) => name)).toContain(access().domain)
    expect(await list('Organization')).toMatchObject([
      { key: access().tenantId, name: access().displayName },
    ])
  })

  it('shows by name what belongs together', async () => {
    const [roomList] = await list('RoomList')
    const { links } = await show('RoomList', roomList.name)
    expect(links[0]).toMatchObject({ kind: 'room', name: expect.stringContaining(' ') })
    const [team] = await list('Teams')
    const shown = await show('Teams', team.key)
    expect(shown.links).toEqual([{ kind: 'group', key: team.key, name: team.name }])
    const role = await show('DirectoryRole', 'Global Administrator')
    const [holder] = role.links
    expect(holder).toMatchObject({ kind: 'roleHolder', name: expect.any(String) })
    const person = await show('MSOLUser', holder.key)
    expect(person.linkedFrom).toContainEqual({
      ...{ kind: 'roleHolder', key: role.key, name: 'Global Administrator' },
    })
  })

  it('shows whether a licence is from a group, and from which', async () => {
    const { spare, group, person } = await licensable()
    const body = { addLicenses: [{ skuId: spare.skuId, disabledPlans: [] }], removeLicenses: [] }
    await microsoft('POST', `groups/${group.id}/assignLicense`, body)
    await json(['sync', 'start', '1', '--wait'])
    const ofGroup = await show('Groups', group.id)
    const licence = { kind: 'licence', key: spare.skuId, name: 'FLOW_FREE' }
    expect(ofGroup.links).toContainEqual(licence)
    const ofPerson = await show('MSOLUser', person.id)
    expect(ofPerson.links).toContainEqual(licence)
    expect(ofPerson.links).toContainEqual({
      ...{ kind: 'licensedBy', key: group.id, name: group.displayName },
    })
    expect(ofPerson.data.licenseAssignmentStates).toContainEqual(
      expect.objectContaining({ skuId: spare.skuId, assignedByGroup: group.id, state: 'Active' }),
    )
  })

  it.each([
    ['Room', 'capacity:=17', 'capacity', 17, 'places/'],
    ['Teams', 'visibility=public', 'visibility', 'public', 'teams/'],
    ['Domain', 'passwordValidityPeriodInDays:=90', 'passwordValidityPeriodInDays', 90, 'domains/'],
  ])('changes a %s and takes it back', async (model, assignment, property, wanted, at) => {
    const objects = await list(model)
    const details = await Promise.all(objects.map(({ key }: { key: string }) => show(model, key)))
    const { key, data } = details.find((one) => one.data[property] !== wanted)
    const set = ['resource', 'set', '1', of(model), key, assignment]
    const plan = await json([...set, '--dry-run'])
    expect(plan.steps).toMatchObject([
      {
        call: expect.stringContaining(`PATCH /${at}`),
        differences: [{ property, before: data[property], after: wanted }],
      },
    ])
    expect(await microsoft('GET', `${at}${key}`)).toMatchObject({ [property]: data[property] })
    const { id } = await json([...set, '--wait'])
    expect(await microsoft('GET', `${at}${key}`)).toMatchObject({ [property]: wanted })
    const undone = await json(['transaction', 'undo', String(id), '--wait'])
    expect(undone).toMatchObject({ state: 'succeeded' })
    expect(await microsoft('GET', `${at}${key}`)).toMatchObject({ [property]: data[property] })
    expect((await show(model, key)).data).toEqual(data)
  })

  it('reads teams in pages of the size the tenant names for groups', async () => {
    const calls = control(patchbay.emulator, access().tenantId)
    await json(['tenant', 'set', '1', '--field', 'graph.groupPageSize:=2'])
    await calls.clearCalls()
    await json(['sync', 'start', '1', '--wait'])
    const asked = (await calls.calls()).filter(({ path }) => path.startsWith('/v1.0/teams?'))
    expect(asked.length).toBeGreaterThan(0)
    for (const { path } of asked) expect(path).toContain('$top=2')
    await calls.close()
  })
})
