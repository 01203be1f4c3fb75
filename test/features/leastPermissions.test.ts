import { afterAll, beforeAll, expect, it } from 'vitest'
import { listPermissions, tenantPermissions } from '../../src/features/tenants/leastPermissions.ts'
import { type CredentialBench, openCredentialBench, signal } from './credentialBench.ts'
import { actorAt, failureOf, provider } from './support.ts'

let world: CredentialBench

beforeAll(async () => {
  world = await openCredentialBench()
})
afterAll(() => world.close())

const namesOf = (features: string) =>
  listPermissions({ features }).permissions.map(({ permission }) => permission)

it('J1: the fewest permissions follow from the features that are named', () => {
  expect(namesOf('users:read')).toEqual(['User.Read.All'])
  expect(namesOf('users')).toEqual(['User.ReadWrite.All'])
  expect(namesOf('licences')).toEqual([
    'LicenseAssignment.Read.All',
    'LicenseAssignment.ReadWrite.All',
  ])
  // Whoever may change people may assign licences; the list of products still has to be read.
  expect(namesOf('users, licences')).toEqual(['LicenseAssignment.Read.All', 'User.ReadWrite.All'])
  expect(namesOf('memberships')).toEqual(['GroupMember.ReadWrite.All'])
  expect(namesOf('memberships,groups')).toEqual(['Group.ReadWrite.All'])
  expect(namesOf('passwords')).toEqual(['User-PasswordProfile.ReadWrite.All', 'User.Read.All'])
  for (const wrong of ['nothing', 'users:write', '']) {
    expect(() => namesOf(wrong)).toThrow(/does not know/)
  }
})

it('J1: those of a tenant follow from what is in use there, and say what is granted', async () => {
  const { tenant } = await world.attach({ roles: ['User.ReadWrite.All', 'Application.Read.All'] })
  const list = () => tenantPermissions(provider, world.store, tenant.id)
  const grantedOf = async () =>
    Object.fromEntries((await list()).permissions.map((each) => [each.permission, each.granted]))
  expect(Object.keys(await grantedOf())).not.toContain('User-PasswordProfile.ReadWrite.All')
  expect(new Set(Object.values(await grantedOf()))).toEqual(new Set([null]))
  await world.test(provider, { tenantId: tenant.id, confirm: true }, signal)
  expect(await grantedOf()).toMatchObject({
    ...{ 'User.ReadWrite.All': true, 'Application.Read.All': true },
    ...{ 'Group.ReadWrite.All': false, 'RoleManagement.Read.Directory': false },
  })
  const elsewhere = tenantPermissions(actorAt('1.999.'), world.store, tenant.id)
  expect((await failureOf(elsewhere)).code).toBe('not-found')
})
