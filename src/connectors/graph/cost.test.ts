import { expect, it } from 'vitest'
import { graphCost, writesOf } from './cost.ts'

it.each([
  ['GET', 'users', {}, 2],
  ['GET', 'users', { $select: 'id', $top: '999' }, 1],
  ['GET', 'users', { $select: 'id', $expand: 'manager' }, 2],
  ['GET', 'groups/{key}/members', { $top: '999' }, 3],
  ['GET', 'groups/{key}/members', { $select: 'id', $top: '19' }, 1],
  ['GET', 'organization', { $select: 'id' }, 1],
  ['POST', 'directoryObjects/getByIds', {}, 5],
  ['POST', 'directoryObjects/getByIds', { $select: 'id' }, 2],
])('%s %s %j costs %i', (method, template, query, units) => {
  expect(graphCost(method, template, query)).toBe(units)
})

it.each([
  ['GET users', undefined, 0],
  ['POST directoryObjects/getByIds', { ids: [] }, 0],
  ['POST users/{}/checkMemberGroups', {}, 0],
  ['PATCH users/{}', { department: 'x' }, 1],
  ['DELETE groups/{}/members/{}/$ref', undefined, 1],
  ['POST groups', { 'members@odata.bind': ['a', 'b'], 'owners@odata.bind': ['c'] }, 4],
  ['PATCH users/{}', { 'manager@odata.bind': 'a' }, 2],
])('%s %j is %i writes', (operation, body, writes) => {
  expect(writesOf({ body }, operation)).toBe(writes)
})
