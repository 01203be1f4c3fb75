import type { Command } from 'commander'
import type { Static } from 'typebox'
import { auditRoutes } from '../../contract/audit.ts'
import { badInput } from '../../core/errors.ts'
import { isJsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import { type Cli, type CommonFlags, connect } from '../cli.ts'
import { integer, listVerb, noun, type PageFlags, pageOf, verb } from '../command.ts'
import { escapeJson } from '../escape.ts'
import { print, printPage, table, valueText } from '../print.ts'

const routes = { audit: auditRoutes }

export function auditCommand(cli: Cli): Command {
  const audit = noun('audit', 'Who did what, when')

  listVerb(audit, 'list', 'the audit, newest first')
    .option('--tenant <id>', 'of this tenant only', integer)
    .action(async (flags: CommonFlags & PageFlags & { tenant?: number }) => {
      const tenant = flags.tenant === undefined ? {} : { tenantId: flags.tenant }
      const client = await connect(cli, flags, routes)
      const page = await client.audit.list({ query: { ...pageOf(flags), ...tenant } })
      printPage(cli, flags, page, ['id', 'at', 'who', 'did', 'to', 'detail'], (item) => [
        item.id,
        item.at,
        item.actor,
        item.action,
        item.subject,
        valueText(item.detail),
      ])
    })

  verb(audit, 'export', 'every entry with its hashes, one JSON object on a line').action(
    async (flags: CommonFlags) => await exportAll(cli, flags),
  )

  verb(audit, 'verify', 'follow every chain of the audit within your scope')
    .option('--against <path>', 'an earlier export: nothing of it may have gone or changed')
    .action(async (flags: CommonFlags & { against?: string }) => {
      const heads = flags.against === undefined ? [] : await headsOf(cli, flags.against)
      const client = await connect(cli, flags, routes)
      const found = await client.audit.verify({ body: { heads } })
      print(cli, flags, found, () => verdict(found))
      if (!found.sound) cli.outcome.exit = 1
    })

  return audit
}

/** A page at a time, so that a long audit needs no more memory than a short one. */
async function exportAll(cli: Cli, flags: CommonFlags): Promise<void> {
  const { audit } = await connect(cli, flags, routes)
  let after: { after?: string } = {}
  for (;;) {
    const { items, next } = await audit.export({ query: { ...after, limit: limits.listRowsMax } })
    cli.terminal.out(items.map((item) => `${escapeJson(JSON.stringify(item))}\n`).join(''))
    if (next === null) return
    after = { after: next }
  }
}

type Head = NonNullable<Static<typeof auditRoutes.verify.body>['heads']>[number]

/** The last line of each chain of an export. */
async function headsOf(cli: Cli, path: string): Promise<Head[]> {
  const text = new TextDecoder().decode(await cli.terminal.read(path))
  const heads = new Map<number, Head>()
  for (const line of text.split('\n')) {
    if (line === '') continue
    const head = headOf(line)
    if (head === undefined) throw badInput('--against', `${path} is not what audit export wrote`)
    heads.set(head.chain, head)
  }
  return [...heads.values()]
}

function headOf(line: string): Head | undefined {
  try {
    const value: unknown = JSON.parse(line)
    if (!isJsonObject(value)) return undefined
    const { chain, seq, hash } = value
    const whole = typeof chain === 'number' && typeof seq === 'number' && typeof hash === 'string'
    return whole ? { chain, seq, hash } : undefined
  } catch {
    return undefined
  }
}

type Verified = Static<typeof auditRoutes.verify.answer>
type Fault = NonNullable<Verified['chains'][number]['fault']>

const faults: Record<Fault['what'], string> = {
  missing: 'is missing',
  changed: 'was changed',
  'out-of-order': 'does not follow the one before',
  'not-as-exported': 'is another than in the export',
  'cut-off': 'is missing with everything behind it',
}

function verdict({ sound, chains, unsealed }: Verified): string {
  const rows = chains.map(({ chain, entries, unseen, fault }) => [
    ...[chain, entries, unseen],
    fault === null ? 'whole' : `entry ${fault.seq} ${faults[fault.what]}`,
  ])
  const beside = unsealed && `Entry ${unsealed.entryId} stands beside the chains.\n`
  const unseen = chains.reduce((sum, chain) => sum + chain.unseen, 0)
  const whole =
    unseen === 0
      ? 'The audit is whole.\n'
      : `What you see of the audit is whole; nothing is said of ${unseen} entries outside your scope.\n`
  const end = sound ? whole : 'The audit is NOT whole.\n'
  return `${table(['chain', 'entries', 'unseen', 'found'], rows)}${beside ?? ''}${end}`
}
