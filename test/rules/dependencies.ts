/** A row of a table in docs/third-party.md. */
export interface Reviewed {
  name: string
  version: string
  licence: string
  why: string
  installScript: string
}

/** What the lock file says of one package; `dev` marks what only developing needs. */
export interface Locked {
  version: string
  license?: string
  dev?: boolean
  hasInstallScript?: boolean
  resolved?: string
  integrity?: string
}

export function reviewedIn(page: string): Reviewed[] {
  const rows = [...page.matchAll(/^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm)]
  return rows
    .map(([, name = '', version = '', licence = '', why = '', installScript = '']) => {
      return { name, version, licence, why, installScript }
    })
    .filter(({ name }) => name !== 'package')
}

/** What differs between the reviewed list and what `package.json` asks for, by name and version. */
export function unreviewed(
  asked: Readonly<Record<string, string>>,
  reviewed: readonly Reviewed[],
): string[] {
  const rows = new Map(reviewed.map((row) => [row.name, row]))
  const missing = Object.entries(asked).flatMap(([name, version]) => {
    const row = rows.get(name)
    if (row === undefined)
      return [`${name}: write its row in docs/third-party.md, with the reason.`]
    if (row.version !== version) return [`${name}: reviewed is ${row.version}, asked ${version}.`]
    return row.why.length < 3 ? [`${name}: say why it is needed.`] : []
  })
  const gone = reviewed
    .filter(({ name }) => asked[name] === undefined)
    .map(({ name }) => `${name}: not in package.json any more; take its row out.`)
  return [...missing, ...gone]
}

const permissive = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'PostgreSQL',
  'Unlicense',
])

/** Whether one of the licences an SPDX expression offers is permissive. `AND` is not understood. */
export function isPermissive(licence: string | undefined, forTools = false): boolean {
  const offered = (licence ?? '').replace(/[()]/g, '').split(' OR ')
  return offered.some((name) => permissive.has(name) || (forTools && name === 'MPL-2.0'))
}

/** What is wrong with the lock file: licences, addresses, missing hashes, unknown scripts. */
export function lockProblems(
  packages: Readonly<Record<string, Locked>>,
  reviewed: readonly Reviewed[],
): string[] {
  return Object.entries(packages).flatMap(([path, locked]) => {
    if (path === '') return []
    const name = path.replace(/^.*node_modules\//, '')
    const problems: string[] = []
    if (!isPermissive(locked.license, locked.dev)) {
      problems.push(`${name}: ${locked.license ?? 'no licence'} is not permissive; choose another.`)
    }
    if (locked.resolved !== undefined) {
      problems.push(`${name}: holds an address; install with the .npmrc of the project.`)
    }
    if (locked.integrity === undefined) {
      problems.push(`${name}: has no integrity hash; make the lock file again.`)
    }
    const script = reviewed.find((row) => row.name === name)?.installScript ?? 'none'
    if ((locked.hasInstallScript === true) === (script === 'none')) {
      problems.push(
        `${name}: has an install script or has it no more; review it in third-party.md.`,
      )
    }
    return problems
  })
}
