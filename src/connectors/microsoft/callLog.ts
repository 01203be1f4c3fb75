/** One line per call out. Names and figures only: no value of a request or an answer. */
export interface CallRecord {
  tenantId: string
  wire: string
  /** `GET users/{}`: what identifies an object is blanked. */
  operation: string
  /** Absent when no answer came. */
  status: number | undefined
  milliseconds: number
  attempt: number
  clientRequestId: string
  /** Microsoft's own id of the request, for its support. */
  requestId: string | undefined
}

export type LogCall = (record: CallRecord) => void
