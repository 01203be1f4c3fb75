import errorsJson from './data/graph-errors.json' with { type: 'json' }

/** An error of the token endpoint; placeholders in `text` are in braces: `{appId}`. */
export interface TokenError {
  status: number
  error: string
  code: number
  text: string
}

/** An error of Graph; placeholders in `message` are in braces: `{id}`. */
export interface GraphError {
  status: number
  code: string
  message: string
}

interface RawError {
  case: string
  status?: number
  error?: string
  code?: number | string | number[]
  text?: string
  message?: string
  body?: { error?: unknown; error_description?: string; error_codes?: number[] }
}

const tokenErrors: readonly RawError[] = errorsJson.token
const graphErrors = errorsJson.graph as readonly RawError[]

/** The error of the token endpoint in the case named as in the data (`secret expired`). */
export function tokenError(name: string): TokenError | undefined {
  const raw = tokenErrors.find((entry) => entry.case === name)
  if (raw === undefined) return undefined
  const { body } = raw
  const described = body?.error_description ?? raw.text ?? ''
  return {
    status: raw.status ?? 400,
    error: raw.error ?? (typeof body?.error === 'string' ? body.error : 'invalid_request'),
    code: body?.error_codes?.[0] ?? (typeof raw.code === 'number' ? raw.code : 0),
    text: described.replace(/^AADSTS\d+: /, '').replace(/ Trace ID: .*$/, ''),
  }
}

/** The error of Graph in the case named as in the data (`object not found`). */
export function graphError(name: string): GraphError | undefined {
  const raw = graphErrors.find((entry) => entry.case === name)
  if (raw?.status === undefined || typeof raw.code !== 'string') return undefined
  return { status: raw.status, code: raw.code, message: raw.message ?? '' }
}
