import type { Command } from 'commander'
import type { Static } from 'typebox'
import type { Client } from '../../client/client.ts'
import { type Certificate, certificateRoutes } from '../../contract/certificates.ts'
import { badInput } from '../../core/errors.ts'
import { type Cli, type CommonFlags, connect } from '../cli.ts'
import { integer, listVerb, noun, type PageFlags, pageOf, verb, yesOption } from '../command.ts'
import { deleteConfirmed } from '../confirm.ts'
import { fields, print, printPage } from '../print.ts'
import { readSecret } from '../secrets.ts'

const routes = { certificate: certificateRoutes }

export function certificateCommand(cli: Cli): Command {
  const certificate = noun('certificate', 'Certificates for signing in at Microsoft')
  addReads(certificate, cli)
  addWrites(certificate, cli)
  return certificate
}

async function client(cli: Cli, flags: CommonFlags): Promise<Client<typeof routes>['certificate']> {
  return (await connect(cli, flags, routes)).certificate
}

function addReads(certificate: Command, cli: Cli): void {
  listVerb(certificate, 'list', 'the certificates within your scope').action(
    async (flags: CommonFlags & PageFlags) => {
      const page = await (await client(cli, flags)).list({ query: pageOf(flags) })
      printPage(cli, flags, page, ['id', 'name', 'node', 'thumbprint', 'ends'], (item) => [
        item.id,
        item.name,
        item.nodeId,
        item.thumbprint,
        item.notAfter,
      ])
    },
  )

  verb(certificate, 'show', 'one certificate')
    .argument('<id>', 'id of the certificate', integer)
    .action(async (certificateId: number, flags: CommonFlags) => {
      show(cli, flags, await (await client(cli, flags)).show({ params: { certificateId } }))
    })

  verb(certificate, 'export', 'the public certificate as PEM, to upload in Entra')
    .argument('<id>', 'id of the certificate', integer)
    .action(async (certificateId: number, flags: CommonFlags) => {
      const answer = await (await client(cli, flags)).export({ params: { certificateId } })
      print(cli, flags, answer, () => `${answer.pem.trimEnd()}\n`)
    })
}

interface CreateFlags extends CommonFlags {
  node: number
  name: string
  commonName?: string
  organization?: string
  country?: string
  days?: number
  bits?: number
}

interface ImportFlags extends CommonFlags {
  node: number
  name: string
  pemFile?: string
  pfxFile?: string
  passwordFile?: string
}

function addWrites(certificate: Command, cli: Cli): void {
  verb(certificate, 'create', 'make a key pair and a self-signed certificate')
    .requiredOption('--node <id>', 'the node it belongs to', integer)
    .requiredOption('--name <name>', 'its name here')
    .option('--common-name <name>', 'the CN in it; its name unless given')
    .option('--organization <name>', 'the O in it')
    .option('--country <code>', 'the C in it, two capital letters')
    .option('--days <days>', 'how long it lasts', integer)
    .option('--bits <bits>', '2048, 3072 or 4096', integer)
    .action(async (flags: CreateFlags) => {
      show(cli, flags, await (await client(cli, flags)).create({ body: createBody(flags) }))
    })

  verb(certificate, 'import', 'bring a certificate with its private key')
    .requiredOption('--node <id>', 'the node it belongs to', integer)
    .requiredOption('--name <name>', 'its name here')
    .option('--pem-file <path>', 'certificate and key as PEM; - is standard input')
    .option('--pfx-file <path>', 'certificate and key as PFX')
    .option('--password-file <path>', 'file with the password of the key')
    .action(async (flags: ImportFlags) => {
      const body = await importBody(cli, flags)
      show(cli, flags, await (await client(cli, flags)).import({ body }))
    })

  yesOption(verb(certificate, 'delete', 'remove a certificate and destroy its private key'))
    .argument('<id>', 'id of the certificate', integer)
    .action(async (certificateId: number, flags: CommonFlags & { yes?: boolean }) => {
      await deleteConfirmed(cli, flags.yes, { certificateId }, await client(cli, flags))
      cli.terminal.err(`certificate ${certificateId} is deleted\n`)
    })
}

type CreateBody = Static<typeof certificateRoutes.create.body>

function createBody(flags: CreateFlags): CreateBody {
  const { node, name, commonName = name, organization, country, days, bits } = flags
  if (bits !== undefined && bits !== 2048 && bits !== 3072 && bits !== 4096) {
    throw badInput('--bits', 'must be 2048, 3072 or 4096')
  }
  return {
    nodeId: node,
    name,
    commonName,
    ...(organization !== undefined && { organization }),
    ...(country !== undefined && { country }),
    ...(days !== undefined && { validDays: days }),
    ...(bits !== undefined && { keyBits: bits }),
  }
}

type ImportBody = Static<typeof certificateRoutes.import.body>

async function importBody(cli: Cli, flags: ImportFlags): Promise<ImportBody> {
  const { node, name, pemFile, pfxFile, passwordFile } = flags
  if ((pemFile === undefined) === (pfxFile === undefined)) {
    throw badInput('--pem-file', 'or --pfx-file is needed, and only one of them')
  }
  const pem = pemFile === undefined ? undefined : await readSecret(cli, pemFile)
  const pfx = pfxFile === undefined ? undefined : base64(await cli.terminal.read(pfxFile))
  const password = passwordFile === undefined ? undefined : await readSecret(cli, passwordFile)
  return {
    nodeId: node,
    name,
    ...(pem && { pem: pem.reveal() }),
    ...(pfx !== undefined && { pfx }),
    ...(password && { password: password.reveal() }),
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

function show(cli: Cli, flags: CommonFlags, certificate: Static<typeof Certificate>): void {
  print(cli, flags, certificate, () =>
    fields([
      ['id', certificate.id],
      ['name', certificate.name],
      ['node', certificate.nodeId],
      ['subject', certificate.subject],
      ['thumbprint', certificate.thumbprint],
      ['SHA-256', certificate.thumbprintSha256],
      ['begins', certificate.notBefore],
      ['ends', certificate.notAfter],
    ]),
  )
}
