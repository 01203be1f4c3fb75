import type { Static } from 'typebox'
import { Compile } from 'typebox/compile'
import type { RouteAnswer, RouteInput } from '../../contract/route.ts'
import { TenantCreate } from '../../contract/tenantFields.ts'
import type { tenantRoutes } from '../../contract/tenants.ts'
import { type Actor, scopesOf } from '../../core/actor.ts'
import { AppError, badInput, type FieldProblem } from '../../core/errors.ts'
import { within } from '../../core/hierarchy.ts'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import { inScope } from '../../store/scope.ts'
import { findCertificates } from '../certificates/queries.ts'
import { selectNode } from '../hierarchy/queries.ts'
import type { Store } from '../operation/store.ts'
import { type ImportedField, readExport } from './importFields.ts'
import type { Directory } from './microsoftTenant.ts'
import { importNames } from './reference.ts'
import { addTenant } from './tenants.ts'

type Body = RouteInput<typeof tenantRoutes.import>['body']
type Answer = RouteAnswer<typeof tenantRoutes.import>

const validator = Compile(TenantCreate)
/** The name in the reference of each of our fields, for those that were not given at all. */
const nameOf = new Map([...importNames].map(([name, path]) => [path, name]))

/**
 * Attaches a tenant from an export. Exports hold no secrets: what is missing is answered, and until
 * it is given nobody can sign in. Throws `bad-input` that names the fields as the export does.
 */
export async function importTenant(
  actor: Actor,
  store: Store,
  directory: Directory,
  { nodeId, fields: members, dryRun = false }: Body,
): Promise<Answer> {
  if (!isJsonObject(members)) throw badInput('body.fields', 'is not an object')
  const { fields, ignored } = readExport(members)
  const certificate = await certificateNamed(actor, store, nodeId, fields)
  const input = asInput(nodeId, fields, certificate)
  try {
    requireValid(input)
    const how = { mayLackSecrets: true, dryRun }
    const { tenant, lacked } = await addTenant(actor, store, directory, input, how)
    return {
      ...{ dryRun, tenant: tenant ?? null, ignored },
      fields: fields.map(({ given, field }) => ({ given, field: field.path })),
      missing: [...lacked, ...certificate.missing],
    }
  } catch (error) {
    throw inTheirWords(error, fields)
  }
}

function asInput(
  nodeId: number,
  fields: readonly ImportedField[],
  certificate: NamedCertificate,
): JsonObject {
  const input: JsonObject = { nodeId }
  for (const { field, value } of fields) {
    const [group = '', name] = field.path.split('.')
    const held = field.path === 'graph.certificateId' ? certificate.id : value
    if (held === null) continue
    if (name === undefined) input[group] = held
    else {
      const members = input[group]
      input[group] = { ...(isJsonObject(members) && members), [name]: held }
    }
  }
  return input
}

function requireValid(input: unknown): asserts input is Static<typeof TenantCreate> {
  if (validator.Check(input)) return
  const fields = validator.Errors(input).map(({ instancePath, message, params }): FieldProblem => {
    const [missing] = 'requiredProperties' in params ? params.requiredProperties : []
    const path = [...instancePath.split('/').slice(1), ...(missing ? [missing] : [])].join('.')
    return { field: `body.${path}`, problem: missing ? 'is required' : message }
  })
  // A field that may be one thing or another fails as each of them; the first says most.
  const first = fields.filter((one, at) => fields.findIndex((f) => f.field === one.field) === at)
  throw new AppError('bad-input', 'The export is not a tenant.', { fields: first })
}

interface NamedCertificate {
  id: number | null
  missing: FieldProblem[]
}

/** An export names its certificate; ours of that name, at the node or above, is taken. */
async function certificateNamed(
  actor: Actor,
  store: Store,
  nodeId: number,
  fields: readonly ImportedField[],
): Promise<NamedCertificate> {
  const field = 'graph.certificateId'
  const value = fields.find((one) => one.field.path === field)?.value ?? null
  if (value === null || typeof value === 'number') return { id: value, missing: [] }
  const name = nameOfCertificate(value)
  const found = await inScope(store.db, scopesOf(actor), async (tx) => {
    const node = await selectNode(tx, nodeId)
    const named = await findCertificates(tx, name)
    return named.filter((one) => node !== undefined && within(node.path, one.node_path)).at(-1)
  })
  if (found !== undefined) return { id: found.id, missing: [] }
  const problem = `names the certificate ${name}, which is not at this node or above; import it, then choose it.`
  return { id: null, missing: [{ field, problem }] }
}

/** A business key, in the reference: a list in JSON whose first part is the name. */
function nameOfCertificate(value: Json): string {
  const list: unknown = typeof value === 'string' && value.startsWith('[') ? parsed(value) : value
  return String(Array.isArray(list) ? list[0] : list)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** The fields at fault as the export calls them. */
function inTheirWords(error: unknown, fields: readonly ImportedField[]): unknown {
  if (!(error instanceof AppError) || error.code !== 'bad-input') return error
  const theirs = error.fields.map(({ field, problem }): FieldProblem => {
    const path = field.replace(/^body\./, '')
    const given = fields.find((one) => one.field.path === path)?.given
    return { field: `body.fields.${given ?? nameOf.get(path) ?? path}`, problem }
  })
  const message = theirs.map(({ field, problem }) => `${field} ${problem}`).join(' ')
  return new AppError('bad-input', `${message} Nothing was imported.`, { fields: theirs })
}
