import { Sealed } from '../../src/core/secret.ts'
import { prepareDatabase } from '../../src/store/prepare.ts'

/** A start of a newer version, as far as the database goes; killed on its way. */
await prepareDatabase(new Sealed(process.argv[2] ?? ''))
