/**
 * Who may import whom: the table of docs/architecture.md section 1 as data. A room may import
 * itself and the rooms listed. Where real code shows the table wrong, table, reason and
 * architecture page change in one commit.
 */
export interface Room {
  imports: readonly string[]
  why: string
}

export const rooms: Readonly<Record<string, Room>> = {
  core: { imports: [], why: 'the words everything else is said in; browsers import it too' },
  catalogue: { imports: ['core'], why: 'facts about Microsoft, true whoever asks' },
  contract: { imports: ['core'], why: 'the API as data: the client has no server behind it' },
  net: { imports: ['core'], why: 'the one way out must not know who calls or why' },
  http: { imports: ['core', 'contract'], why: 'serves any contract: ours and the emulated one' },
  store: { imports: ['core'], why: 'keeps rows; what they mean is decided above it' },
  connectors: {
    imports: ['core', 'catalogue', 'contract', 'net'],
    why: 'a wire knows its service, and neither database nor feature',
  },
  engine: {
    imports: ['core', 'catalogue', 'store'],
    why: 'the verbs get connectors and models as values and know none by name',
  },
  features: {
    imports: ['core', 'contract', 'net', 'store', 'engine', 'connectors'],
    why: 'what an administrator asks for, without HTTP; an address they type is checked by net',
  },
  server: {
    imports: ['core', 'contract', 'http', 'net', 'store', 'features'],
    why: 'lets requests in and hands them to features',
  },
  emulator: {
    imports: ['core', 'catalogue', 'http'],
    why: 'written from the documents alone: it must not share the mistakes of connectors or models',
  },
  client: { imports: ['core', 'contract'], why: 'runs wherever the contract can be read' },
  cli: { imports: ['core', 'contract', 'client'], why: 'can do what the API lets anybody do' },
  main: {
    imports: [
      'core',
      'catalogue',
      'contract',
      'net',
      'http',
      'store',
      'connectors',
      'engine',
      'features',
      'server',
      'emulator',
      'client',
      'cli',
    ],
    why: 'puts the others together; nothing imports it',
  },
}

/** Inside these rooms a folder is a wall too: only the folders listed may be imported sideways. */
export const sideways: Readonly<Record<string, readonly string[]>> = {
  connectors: ['microsoft'],
}
