export interface PauseTable {
  name: string
  until: Date
}
