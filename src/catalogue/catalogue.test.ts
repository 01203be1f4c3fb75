import { describe, expect, test } from 'vitest'
import { complexType, entityType, enumValues, shortName } from './graph.ts'
import { graphError, tokenError } from './graphErrors.ts'
import { filterSupport } from './graphFilter.ts'
import { deltaTokenDays, graphPages, resourceUnitsOf } from './graphLimits.ts'
import { appRoleId, appRoleName, graphAppRoles, permissionsFor } from './permissions.ts'

function property(type: string, name: string) {
  return entityType(type)?.properties.find((candidate) => candidate.name === name)
}

describe('types', () => {
  test('a user has inherited and own properties with their marks', () => {
    expect(property('user', 'id')).toMatchObject({
      type: 'string',
      readOnly: true,
      nullable: false,
    })
    expect(property('user', 'department')).toMatchObject({
      type: 'string',
      maxLength: 64,
      returnedByDefault: false,
    })
    expect(property('user', 'assignedLicenses')).toMatchObject({ type: 'object', many: true })
    expect(property('user', 'createdDateTime')).toMatchObject({ type: 'dateTime', readOnly: true })
    expect(property('user', 'displayName')?.requiredOnCreate).toBe(true)
  })

  test('exactly the eleven documented properties of a user come by default', () => {
    const names = entityType('user')?.properties.filter((one) => one.returnedByDefault)
    expect(names?.map((one) => one.name).sort()).toEqual(
      'businessPhones displayName givenName id jobTitle mail mobilePhone officeLocation preferredLanguage surname userPrincipalName'.split(
        ' ',
      ),
    )
  })

  test('a type that marks nothing returns all but what needs $select', () => {
    expect(property('subscribedSku', 'consumedUnits')?.returnedByDefault).toBe(true)
    expect(property('servicePrincipal', 'customSecurityAttributes')?.returnedByDefault).toBe(false)
    expect(property('group', 'unseenCount')?.returnedByDefault).toBe(false)
  })

  test('complex types, enumerations, navigation and what does not exist', () => {
    expect(complexType('passwordProfile')?.properties.map((one) => one.name)).toContain('password')
    expect(enumValues('groupAccessType')).toContain('private')
    expect(property('group', 'accessType')?.values).toContain('private')
    expect(entityType('user')?.navigation.find((one) => one.name === 'manager')?.many).toBe(false)
    expect(entityType('toString')).toBeUndefined()
    expect(shortName('#microsoft.graph.user')).toBe('user')
  })
})

describe('permissions', () => {
  test('any one suffices, whatever the parameters are called, and remarks are dropped', () => {
    expect(permissionsFor('GET', '/users')[0]).toBe('User.ReadBasic.All')
    expect(permissionsFor('DELETE', '/groups/{group}/members/{member}/$ref')).toContain(
      'GroupMember.ReadWrite.All',
    )
    expect(permissionsFor('POST', '/servicePrincipals/{id}/appRoleAssignments')).toContain(
      'AppRoleAssignment.ReadWrite.All',
    )
    expect(permissionsFor('GET', '/nothing')).toEqual([])
  })

  test('ids and names lead to each other', () => {
    const id = appRoleId('User.Read.All') ?? ''
    expect(id).toBe('df021288-bdef-4463-88db-98f22de89214')
    expect(appRoleName(id)).toBe('User.Read.All')
    expect(appRoleName(appRoleId('Exchange.ManageAsApp') ?? '')).toBe('Exchange.ManageAsApp')
    expect(graphAppRoles().length).toBeGreaterThan(100)
    expect(graphAppRoles().every((role) => /^[0-9a-f-]{36}$/.test(role.id))).toBe(true)
    for (const name of permissionsFor('GET', '/subscribedSkus')) {
      expect(appRoleId(name), name).toMatch(/^[0-9a-f-]{36}$/)
    }
  })
})

test('filters: plain, advanced, numbered attributes and lambdas', () => {
  expect(filterSupport('user', 'userPrincipalName', 'startsWith')).toBe('default+advanced')
  expect(filterSupport('user', 'companyName', 'eq')).toBe('advanced only')
  expect(filterSupport('user', 'assignedLicenses/any(skuId)', 'eq')).toBe('default+advanced')
  expect(filterSupport('user', 'proxyAddresses/any', 'startsWith')).toBe('default+advanced')
  expect(filterSupport('user', 'onPremisesExtensionAttributes/extensionAttribute7', 'eq')).toBe(
    'advanced only',
  )
  expect(filterSupport('user', 'aboutMe', 'eq')).toBeUndefined()
})

test('limits and errors', () => {
  expect(graphPages).toMatchObject({ directoryDefault: 100, directoryMax: 999, batchMax: 20 })
  expect(resourceUnitsOf('GET users')).toBe(2)
  expect(resourceUnitsOf('PATCH users/{id}')).toBe(1)
  expect(deltaTokenDays).toBe(7)
  expect(tokenError('wrong secret')).toMatchObject({ status: 401, code: 7000215 })
  expect(tokenError('wrong secret')?.text).toMatch(
    /^Invalid client secret provided.*'\{appId\}'\.$/,
  )
  expect(graphError('no token')).toMatchObject({ status: 401, message: 'Access token is empty.' })
})
