import type { CredentialWatch } from '../../connectors/microsoft/application.ts'
import type { Author } from '../../core/actor.ts'
import { AppError, type ErrorCode, errorCodes } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import { inScope } from '../../store/scope.ts'
import { record } from '../operation/record.ts'
import type { Store } from '../operation/store.ts'
import type { TenantWatch, WatchedTenant } from '../tenants/connect.ts'
import * as queries from './queries.ts'

/** The system itself, for what it does by itself. */
const ourselves: Author = { id: 'system', name: 'Patchbay', kind: 'system' }

/** What all processes remember of a tenant's two credentials, each by its version. */
export function watchTenant(
  store: Pick<Store, 'db' | 'clock'>,
  tenant: WatchedTenant,
): TenantWatch {
  const { db, clock } = store
  const { tenantId, nodePath, name } = tenant
  const within = <T>(work: Parameters<typeof inScope<T>>[2]) => inScope(db, nodePath, work)

  const watch = (version: string): CredentialWatch => {
    const key = { tenantId, nodePath, version }
    return {
      standing: () =>
        within(async (tx) => {
          const now = clock.now()
          const next = new Date(now + limits.credentialRetryMs)
          if (await queries.takeTurn(tx, key, new Date(now), next)) return undefined
          const kept = await queries.selectRefusal(tx, key)
          return kept && { refusal: toError(kept.error), quietUntil: kept.quiet_until.getTime() }
        }),
      refused: (refusal, quietUntil) =>
        within((tx) => queries.keepRefusal(tx, key, toJson(refusal), new Date(quietUntil))),
      granted: () => within((tx) => queries.dropRefusal(tx, key)),
    }
  }

  return {
    first: (version) => ({
      ...watch(version),
      granted: () =>
        within(async (tx) => {
          await queries.dropRefusal(tx, { tenantId, version })
          await queries.stepSecond(tx, tenantId, null)
        }),
    }),
    second: (version) => ({
      ...watch(version),
      async standing() {
        const tested = await within((tx) => queries.selectSecond(tx, tenantId))
        if (tested?.version === version) return await watch(version).standing()
        return { refusal: untested(), quietUntil: clock.now() }
      },
    }),
    stepsIn: (refusal) =>
      within(async (tx) => {
        if (!(await queries.stepSecond(tx, tenantId, new Date(clock.now())))) return
        const message = `Microsoft refuses the credential of ${name}, so its second one is used. ${refusal.message} Promote the second one, or mend the first.`
        const detail = { name, message, refusal: refusal.foreignCode ?? refusal.code }
        const entry = { nodePath, tenantId, subject: `tenant:${tenantId}`, detail }
        await record(tx, ourselves, { ...entry, action: 'credential.stepped-in' })
      }),
  }
}

function untested(): AppError {
  return new AppError(
    'credentials-rejected',
    'The second credential was not tested, so it is not used. Test it: patchbay credential test.',
  )
}

function toJson({ code, message, foreignCode }: AppError): JsonObject {
  return { code, message, ...(foreignCode !== undefined && { foreignCode }) }
}

function toError({ code, message, foreignCode }: JsonObject): AppError {
  const known: ErrorCode = isErrorCode(code) ? code : 'credentials-rejected'
  const detail = typeof foreignCode === 'string' ? { foreignCode } : {}
  return new AppError(known, String(message), detail)
}

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorCodes, code)
}
