import { spawnSync } from 'node:child_process'
import { isJsonObject, type Json } from '../src/core/json.ts'

/** What is grave enough to stop a build; less is for whoever next looks at the dependencies. */
const grave: readonly Json[] = ['high', 'critical']

/**
 * Known faults of what Patchbay is installed with, one line each, from what `npm audit --json`
 * prints (report version 2); undefined where the registry told nothing, as a mirror may.
 */
export function readAdvisories(printed: string): string[] | undefined {
  const start = printed.indexOf('{')
  const report: Json = start < 0 ? null : JSON.parse(printed.slice(start))
  if (!isJsonObject(report) || !isJsonObject(report.vulnerabilities)) return undefined
  return Object.entries(report.vulnerabilities).flatMap(([name, found]) =>
    isJsonObject(found) && grave.includes(found.severity ?? null)
      ? [`${name} ${found.range}: ${found.severity}`]
      : [],
  )
}

if (import.meta.main) {
  const args = ['audit', '--json', '--omit=dev', '--fetch-retries=0', '--fetch-timeout=5000']
  const { stdout } = spawnSync('npm', args, { encoding: 'utf8' })
  const found = readAdvisories(stdout)
  if (found === undefined) {
    console.info('npm audit: the registry was not asked, so nothing is known of new advisories.')
  } else if (found.length > 0) {
    console.error(['npm audit: dependencies with known faults:', ...found].join('\n'))
    process.exitCode = 1
  }
}
