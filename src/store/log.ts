/** What the store tells about itself; a pino logger fits. Fields never hold values of rows. */
export interface Log {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
