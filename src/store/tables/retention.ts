export interface RetentionTable {
  kind: string
  keep_days: number | null
}

export interface EventSweptTable {
  tx: string
  id: number
}
