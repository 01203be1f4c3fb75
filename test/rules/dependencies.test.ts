import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import project from '../../package.json' with { type: 'json' }
import lock from '../../package-lock.json' with { type: 'json' }
import { isPermissive, type Locked, lockProblems, reviewedIn, unreviewed } from './dependencies.ts'
import { readText, root } from './source.ts'

const reviewed = reviewedIn(readText('docs/third-party.md'))
const packages: Readonly<Record<string, Locked>> = lock.packages
const row = { name: 'a', version: '1.0.0', licence: 'MIT', why: 'needed', installScript: 'none' }

test('J4: every dependency is reviewed, in the version that is asked for', () => {
  const asked = {
    ...project.dependencies,
    ...project.optionalDependencies,
    ...project.devDependencies,
  }
  expect(unreviewed(asked, reviewed)).toEqual([])
})

test('an unreviewed, changed or left-over dependency is noticed', () => {
  expect(unreviewed({ a: '1.0.0' }, [row])).toEqual([])
  expect(unreviewed({ a: '1.0.0', b: '2.0.0' }, [row])).toHaveLength(1)
  expect(unreviewed({ a: '1.0.1' }, [row])).toHaveLength(1)
  expect(unreviewed({}, [row])).toHaveLength(1)
  expect(unreviewed({ a: '1.0.0' }, [{ ...row, why: '' }])).toHaveLength(1)
})

test('J4: a package states the licence that was reviewed', () => {
  const stated = reviewed.map(({ name, licence }) => {
    const file = join('node_modules', name, 'package.json')
    // Of the packages for one kind of machine, only that of this machine is installed.
    if (name in project.optionalDependencies && !existsSync(join(root, file)))
      return { name, licence }
    return { name, licence: /"license":\s*"([^"]*)"/.exec(readText(file))?.[1] }
  })
  expect(stated).toEqual(reviewed.map(({ name, licence }) => ({ name, licence })))
})

test('J4: all that is installed is permissive, hashed, without address and without script', () => {
  expect(lockProblems(packages, reviewed)).toEqual([])
})

test('a lock file that is not so is noticed', () => {
  const good: Locked = { version: '1.0.0', license: 'MIT', integrity: 'sha512-x' }
  const problems = (change: Partial<Locked>) =>
    lockProblems({ '': good, 'node_modules/a': { ...good, ...change } }, [row]).length
  expect(problems({})).toBe(0)
  expect(problems({ license: 'GPL-3.0-only' })).toBe(1)
  expect(problems({ license: 'MPL-2.0' })).toBe(1)
  expect(problems({ license: 'MPL-2.0', dev: true })).toBe(0)
  expect(problems({ resolved: 'https://packages.example/a.tgz' })).toBe(1)
  expect(problems({ hasInstallScript: true })).toBe(1)
  expect(lockProblems({ a: { version: '1.0.0', license: 'MIT' } }, [row])).toHaveLength(1)
})

test('a choice of licences is permissive when one of them is', () => {
  expect(isPermissive('(BSD-3-Clause OR GPL-2.0)')).toBe(true)
  expect(isPermissive('(GPL-2.0 OR AGPL-3.0)')).toBe(false)
  expect(isPermissive('MIT AND GPL-2.0')).toBe(false)
  expect(isPermissive(undefined)).toBe(false)
})
