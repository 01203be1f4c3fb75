import { expect, test } from 'vitest'
import { banned } from './banned.ts'
import { withoutExceptions } from './exceptions.ts'
import { parse, readSources, report } from './source.ts'

function found(text: string, path = 'src/features/fixture.ts'): string[] {
  return report(banned(parse(path, text)))
}

test('E8, F7: nothing banned is used', () => {
  expect(report(withoutExceptions('banned', readSources().flatMap(banned)))).toEqual([])
})

test.each([
  'Math.random()',
  `Math['random']()`,
  `Math['ran' + 'dom']()`,
  'Math[`random`]()',
  'Math[name]()',
  'const { random } = Math',
  'const { random: chance, floor } = Math',
  'const maths = Math',
  'globalThis.Math.random()',
  `Reflect.get(Math, 'random')`,
])('E8: chance that can be guessed is noticed: %s', (text) => {
  expect(found(text, 'test/fixture.ts')).toHaveLength(1)
})

test.each([
  'eval(text)',
  'const run = eval',
  '(0, eval)(text)',
  'globalThis.eval(text)',
  `globalThis['eval'](text)`,
  `globalThis['ev' + 'al'](text)`,
  'globalThis[name](text)',
  'const { eval: run } = globalThis',
  'const everything = globalThis',
  'new Worker(text, { eval: true })',
  'new Function(text)',
  'Function(text)',
  'const Run = Function',
  `Function.prototype.constructor(text)`,
  '(() => 1).constructor(text)()',
  `const { constructor: Run } = async () => 1`,
  `setTimeout('text', 5)`,
  'globalThis.setInterval(`text`)',
  `setTimeout('f(' + name + ')')`,
  `import { runInNewContext } from 'node:vm'`,
  `import vm from 'vm'`,
  `export * from 'vm'`,
  `export { Script } from 'node:vm'`,
  `const vm = await import('node:vm')`,
  `const vm = await import('node:' + 'vm')`,
  `const vm = require('vm')`,
  `const vm = module.require('vm')`,
  `import vm = require('vm')`,
  `const vm = createRequire(import.meta.url)('vm')`,
  `load('vm')`,
  `import { start } from 'node:repl'`,
  `import { Session } from 'node:inspector'`,
  `await import('data:text/javascript,run()')`,
  `process.getBuiltinModule(name)`,
  `process.mainModule.require('fs')`,
  `process.binding('spawn_sync')`,
  `const { binding } = process`,
  `import { binding } from 'node:process'`,
  `process['dlopen'](module, file)`,
  'module._compile(text, file)',
])('F7: text that is run as code is noticed: %s', (text) => {
  expect(found(text, 'test/fixture.ts')).not.toEqual([])
})

test.each([
  `import { exec } from 'node:child_process'`,
  `import { exec as run } from 'node:child_process'`,
  `import { 'execSync' as run } from 'node:child_process'`,
  `import processes from 'node:child_process'`,
  `import * as processes from 'child_process'`,
  `export { exec } from 'child_process'`,
  `const { exec } = await import('node:child_process')`,
  `const { exec } = require('child_process')`,
  'spawn(file, [], { shell: true })',
  `spawn(file, [], { 'shell': '/bin/sh' })`,
  `spawn(file, [], { ['sh' + 'ell']: true })`,
  'spawn(file, [], { shell })',
  'options.shell = true',
  `options['shell'] = name`,
  `Reflect.set(options, 'shell', true)`,
])('F7: a shell is noticed: %s', (text) => {
  expect(found(text, 'test/fixture.ts')).toHaveLength(1)
})

test.each([
  'connect({ rejectUnauthorized: false })',
  'connect({ rejectUnauthorized: strict })',
  'connect({ rejectUnauthorized })',
  `connect({ ['rejectUnauthorized']: 0 })`,
  'options.rejectUnauthorized = false',
  `options['rejectUnauthorized'] = no`,
  `Object.defineProperty(options, 'rejectUnauthorized', { value: false })`,
  'connect({ checkServerIdentity: () => undefined })',
  'options.checkServerIdentity = () => undefined',
  `process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'`,
  `process.env['NODE_TLS_' + 'REJECT_UNAUTHORIZED'] = '0'`,
  `spawn(file, [], { env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } })`,
])('a certificate that is not verified is noticed: %s', (text) => {
  expect(found(text, 'test/fixture.ts')).toHaveLength(1)
})

test('what only tests and tools may do is noticed in the product', () => {
  for (const text of [`spawn('/bin/sh', ['-c', text])`, 'await import(name)']) {
    expect(found(text), text).toHaveLength(1)
    expect(found(text, 'test/fixture.ts'), text).toEqual([])
  }
})

test.each([
  'Math.floor(random() * Math.PI)',
  'const { floor, max } = Math',
  'globalThis.fetch(url)',
  'const { env } = globalThis.process',
  'setTimeout(() => run(), 5)',
  'socket.setTimeout(limits.connectMs, give)',
  'class Thing { constructor(readonly name: string) {} }',
  'const free = { constructor: 1 }',
  'let call: Function',
  `import { type ChildProcess, type exec, execFile, spawn } from 'node:child_process'`,
  `import type { ExecOptions } from 'node:child_process'`,
  `const module = await import('./page.ts')`,
  `import { createRequire } from 'node:module'`,
  'spawn(file, [name], { shell: false })',
  'connect({ rejectUnauthorized: true, ca })',
  `const words = ['eval', 'vm', 'shell', 'NODE_TLS_REJECT_UNAUTHORIZED']`,
  `list.includes('vm')`,
])('what is like it and harmless is not: %s', (text) => {
  expect(found(text)).toEqual([])
})
