/**
 * A secret in the clear, on its way from an input to the vault or from the vault to a request.
 * However it is printed it reads `[secret]`; only `reveal()` gives the text, and a rule test lists
 * the files that may call it.
 */
export class Sealed {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  reveal(): string {
    return this.#text
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  get [Symbol.toStringTag](): string {
    return 'secret'
  }

  /** What Node's util.inspect asks for: console.log, assertion messages, REPL. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]'
  }

  [Symbol.toPrimitive](): string {
    return '[secret]'
  }
}

/**
 * Where a secret lies in the vault: never its text. `owner` is the tenant or certificate it belongs
 * to.
 */
export interface SecretRef {
  owner: string
  field: string
}
