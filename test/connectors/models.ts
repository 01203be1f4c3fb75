import type { Model, Property, PropertyType } from '../../src/core/model.ts'

function property(name: string, type: PropertyType = 'string', more: Partial<Property> = {}) {
  return {
    name,
    type,
    many: false,
    readOnly: false,
    volatile: false,
    maxLength: undefined,
    values: undefined,
    description: undefined,
    ...more,
  }
}

const base = {
  wire: 'graph',
  key: 'id',
  name: 'displayName',
  columns: ['displayName'],
  places: [1],
}

export const userModel: Model = {
  ...base,
  id: 'device/msgraph/MSOLUser',
  title: 'user',
  noun: 'user',
  properties: [
    property('id', 'string', { readOnly: true }),
    property('displayName'),
    property('userPrincipalName'),
    property('accountEnabled', 'boolean'),
    property('department', 'string', { maxLength: 64 }),
    property('businessPhones', 'string', { many: true }),
    property('proxyAddresses', 'string', { many: true, readOnly: true }),
    property('createdDateTime', 'dateTime', { readOnly: true }),
    property('assignedLicenses', 'object', { many: true, readOnly: true }),
  ],
  list: { call: 'users', with: { $expand: 'manager($select=id)' } },
  shard: 'createdDateTime',
  delta: { call: 'users/delta', with: {} },
  get: { call: 'users/{key}', with: { $expand: 'manager($select=id)' } },
  update: { call: 'users/{key}', with: {} },
  create: {
    ...{ call: 'users', with: {}, by: 'userPrincipalName', required: ['displayName'] },
    password: true,
    passwordSetAt: undefined,
  },
  delete: { call: 'users/{key}', with: {} },
  deleted: { call: 'directory/deletedItems/{key}', with: {} },
  links: [
    { kind: 'manager', to: ['device/msgraph/MSOLUser'], from: 'manager.id', call: undefined },
    {
      kind: 'licence',
      to: ['device/msgraph/MsolAccountSku'],
      from: 'assignedLicenses.skuId',
      call: undefined,
    },
  ],
  needs: { read: ['User.Read.All'], write: ['User.ReadWrite.All'] },
}

export const groupModel: Model = {
  ...base,
  id: 'device/msgraph/Groups',
  title: 'group',
  noun: 'group',
  properties: [
    property('id', 'string', { readOnly: true }),
    property('displayName'),
    property('groupTypes', 'string', { many: true, readOnly: true }),
  ],
  list: { call: 'groups', with: {} },
  shard: undefined,
  delta: { call: 'groups/delta', with: {} },
  get: { call: 'groups/{key}', with: {} },
  update: { call: 'groups/{key}', with: {} },
  create: undefined,
  delete: undefined,
  deleted: undefined,
  links: [
    { kind: 'member', to: ['device/msgraph/MSOLUser'], from: undefined, call: 'members' },
    { kind: 'owner', to: ['device/msgraph/MSOLUser'], from: undefined, call: 'owners' },
  ],
  needs: { read: ['Group.Read.All'], write: ['Group.ReadWrite.All'] },
}

export const skuModel: Model = {
  ...base,
  id: 'device/msgraph/MsolAccountSku',
  title: 'licence',
  noun: 'subscribedSku',
  key: 'skuId',
  name: 'skuPartNumber',
  properties: [
    property('skuId', 'guid'),
    property('skuPartNumber'),
    property('consumedUnits', 'integer'),
    property('prepaidUnits', 'object'),
  ],
  list: { call: 'subscribedSkus', with: {} },
  shard: undefined,
  delta: undefined,
  get: undefined,
  update: undefined,
  create: undefined,
  delete: undefined,
  deleted: undefined,
  links: [],
  columns: ['skuPartNumber'],
  places: [1],
  needs: { read: ['LicenseAssignment.Read.All'], write: [] },
}
