import type { Command } from 'commander'
import { syncScopeRoutes } from '../../contract/scopes.ts'
import { tenantRoutes } from '../../contract/tenants.ts'
import { conditionForm, parseCondition } from '../../core/condition.ts'
import { badInput } from '../../core/errors.ts'
import { isJsonObject, type JsonObject } from '../../core/json.ts'
import { type Cli, type CommonFlags, connect } from '../cli.ts'
import { integer, noun, several, verb } from '../command.ts'
import { modelPath } from '../modelPath.ts'
import { fields, print, printPage, valueText } from '../print.ts'
import { tenantOf } from '../tenantOf.ts'

const routes = { syncScope: syncScopeRoutes, tenant: { list: tenantRoutes.list } }

interface ScopeFlags extends CommonFlags {
  tenant?: number
  where?: string[]
  file?: string
}

export function scopeCommand(cli: Cli): Command {
  const scope = noun('scope', 'What of a tenant syncs take in')

  verb(scope, 'list', 'the models of which syncs take in only a part')
    .argument('[tenant]', 'id of the tenant; may be left when there is only one', integer)
    .action(async (tenant: number | undefined, flags: CommonFlags) => {
      const api = await connect(cli, flags, routes)
      const page = await api.syncScope.list({ params: { tenantId: await tenantOf(api, tenant) } })
      printPage(cli, flags, page, ['model', 'only'], (item) => [item.model, valueText(item.filter)])
    })

  verb(scope, 'set', 'say what of a model syncs take in; with neither option: everything')
    .argument('<model>', 'the model')
    .option('--tenant <id>', 'the tenant; may be left when there is only one', integer)
    .option('--where <column=value>', 'also != ^= *= < <= > >=; several must all hold', several)
    .option('--file <path>', 'a filter of any shape as JSON; - reads standard input')
    .action(async (model: string, flags: ScopeFlags) => {
      const api = await connect(cli, flags, routes)
      const filter = await filterOf(cli, flags)
      const params = { tenantId: await tenantOf(api, flags.tenant), ...modelPath(model) }
      const set = await api.syncScope.set({ params, body: { filter } })
      print(cli, flags, set, () =>
        fields([
          ['model', set.model],
          ['only', set.filter === null ? 'everything' : valueText(set.filter)],
        ]),
      )
    })

  return scope
}

async function filterOf(cli: Cli, { where, file }: ScopeFlags): Promise<JsonObject | null> {
  if (where !== undefined && file !== undefined) throw badInput('--file', 'or --where, not both')
  if (file !== undefined) {
    const text = new TextDecoder().decode(await cli.terminal.read(file))
    const value = parsed(text)
    if (isJsonObject(value)) return value
    throw badInput(file, 'holds no JSON object')
  }
  if (where === undefined) return null
  const of = where.map((text) => {
    const condition = parseCondition(text)
    if (condition === undefined) throw badInput('--where', `has to be ${conditionForm}`)
    return { ...condition }
  })
  return { op: 'and', of }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
