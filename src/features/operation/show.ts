import type { Static } from 'typebox'
import type { Failure } from '../../contract/syncs.ts'
import type { JsonObject } from '../../core/json.ts'

export function showTime(time: Date | null): string | null {
  return time?.toISOString() ?? null
}

export function showFailure(error: JsonObject | null): Static<typeof Failure> | null {
  return error && { code: String(error.code), message: String(error.message) }
}
