import {
  assignLicence,
  type Licence,
  type LicenceChange,
  licenceProblems,
  type Product,
  readLicences,
  readProduct,
} from '../../connectors/graph/licences.ts'
import { AppError } from '../../core/errors.ts'
import {
  type Change,
  isJsonObject,
  type Json,
  type JsonObject,
  jsonEqual,
} from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import { inParallel } from '../../core/parallel.ts'
import type { ReadObject } from '../../core/readObject.ts'
import { readWhole } from '../../core/wire.ts'
import { mayHaveHappened, notShown, readObject, settled } from '../../engine/transaction/settle.ts'
import {
  objectName,
  type ReadContext,
  type StepContext,
  type StepKind,
} from '../../engine/transaction/step.ts'

export const userModel = 'device/msgraph/MSOLUser'
export const productModel = 'device/msgraph/MsolAccountSku'

/** Gives licences to one user and takes others away, in one call: a swap has no gap. */
export interface LicenceInput extends JsonObject {
  key: string
  /** `name` is the product's, for people. */
  add: { skuId: string; name: string; disabledPlans: string[] }[]
  remove: { skuId: string; name: string }[]
}

export const licenceStep: StepKind = {
  touches: ({ key }: LicenceInput) => [objectName(userModel, key)],

  together: (context, inputs: readonly LicenceInput[]) => seatsLacking(context, inputs),

  async look(context, input: LicenceInput) {
    let problems: string[] = []
    const held = await settled(context, context.patienceMs, async () => {
      const { data } = await readObject(context, context.model(userModel), input.key)
      const found = readLicences(data.assignedLicenses)
      refuseInherited(data, input)
      problems = await problemsOf(context, data, found, input)
      return problems.length === 0 ? found : undefined
    })
    if (held === undefined) throw new AppError('microsoft-conflict', problems.join(' '))
    return { licences: ofConcern(held, input) }
  },

  async ensure(context, input: LicenceInput) {
    const model = context.model(userModel)
    const { open } = await lookNow(context, input)
    const change = context.mustSend ? wholeChange(input) : open
    const lost = isNothing(change) ? undefined : await assign(context, input, change)
    const ms = lost === undefined ? limits.appearMs : limits.settleMs
    const shown = await settled(context, ms, async () => {
      const seen = await lookNow(context, input)
      return isNothing(seen.open) ? seen.object : undefined
    })
    if (shown === undefined) throw lost ?? notShown('the change of licences')
    const held = readLicences(shown.data.assignedLicenses)
    return { after: { licences: ofConcern(held, input) }, observed: { model, object: shown } }
  },

  reverse(input: LicenceInput, before, after) {
    const had = asLicences(before.licences)
    if (after !== null && jsonEqual(before.licences ?? null, after.licences ?? null)) {
      return 'nothing'
    }
    const named = [...input.add, ...input.remove]
    const back = named.filter(({ skuId }) => had.some((licence) => licence.skuId === skuId))
    return {
      kind: 'licence',
      input: {
        key: input.key,
        add: back.map(({ skuId, name }) => {
          const { disabledPlans = [] } = had.find((licence) => licence.skuId === skuId) ?? {}
          return { skuId, name, disabledPlans }
        }),
        remove: named
          .filter((one) => !back.includes(one))
          .map(({ skuId, name }) => ({ skuId, name })),
      },
    }
  },

  call: (_context, { key, add, remove }: LicenceInput) =>
    assignLicence(key, wholeChange({ key, add, remove })),

  differences({ add, remove }: LicenceInput, before) {
    const had = asLicences(before?.licences)
    const holds = (skuId: string) => had.find((licence) => licence.skuId === skuId)
    return [
      ...add.flatMap(({ skuId, name, disabledPlans }) =>
        changeOf(name, before && holds(skuId), { skuId, disabledPlans }),
      ),
      ...remove.flatMap(({ skuId, name }) =>
        changeOf(name, before ? holds(skuId) : { skuId, disabledPlans: [] }, undefined),
      ),
    ]
  },
}

function changeOf(
  name: string,
  before: Licence | null | undefined,
  after: Licence | undefined,
): Change[] {
  const [was, is] = [textOf(before ?? undefined), textOf(after)]
  return was === is ? [] : [{ property: `licence ${name}`, before: was, after: is }]
}

function textOf(licence: Licence | undefined): string | null {
  if (licence === undefined) return null
  const { disabledPlans } = licence
  return disabledPlans.length === 0 ? 'assigned' : `assigned without ${disabledPlans.join(', ')}`
}

async function problemsOf(
  context: StepContext,
  { usageLocation }: JsonObject,
  held: readonly Licence[],
  input: LicenceInput,
): Promise<string[]> {
  const change = openChange(held, input)
  if (change.add.length === 0) return []
  return licenceProblems(change, { usageLocation, held }, await productsOf(context))
}

function wholeChange({ add, remove }: LicenceInput): LicenceChange {
  return { add, remove: remove.map(({ skuId }) => skuId) }
}

/** What of the change is still to be made. */
function openChange(held: readonly Licence[], { add, remove }: LicenceInput): LicenceChange {
  const has = (id: string) => held.find(({ skuId }) => skuId === id)
  return {
    add: add
      .map(({ skuId, disabledPlans }) => ({ skuId, disabledPlans: disabledPlans.toSorted() }))
      .filter(
        (licence) => !jsonEqual(has(licence.skuId)?.disabledPlans ?? null, licence.disabledPlans),
      ),
    remove: remove.map(({ skuId }) => skuId).filter((skuId) => has(skuId) !== undefined),
  }
}

function isNothing({ add, remove }: LicenceChange): boolean {
  return add.length === 0 && remove.length === 0
}

async function lookNow(
  context: StepContext,
  input: LicenceInput,
): Promise<{ object: ReadObject; open: LicenceChange }> {
  const object = await readObject(context, context.model(userModel), input.key)
  return { object, open: openChange(readLicences(object.data.assignedLicenses), input) }
}

/**
 * What it names was checked on a fresh read. When it is refused all the same, the replica that
 * judges it may not know yet what the read showed (a usage location just set): it is asked again,
 * unless there is nothing left to do. Answers the error behind which it may have been carried out.
 */
async function assign(
  context: StepContext,
  input: LicenceInput,
  change: LicenceChange,
): Promise<unknown> {
  const model = context.model(userModel)
  let last: unknown
  const sent = await settled(context, limits.settleMs, async () => {
    try {
      last = undefined
      await context.send(model, assignLicence(input.key, change))
      return true
    } catch (error) {
      last = error
      if (mayHaveHappened(error)) return true
      if (!(error instanceof AppError) || error.code !== 'microsoft-refused') throw error
      return isNothing((await lookNow(context, input)).open) ? true : undefined
    }
  })
  if (sent === undefined) throw last
  return last
}

/**
 * Seats that all steps together need and the tenant has not left, in words. People are looked at
 * only where seats seem to lack: some may hold the product already, or give one back.
 */
async function seatsLacking(
  context: ReadContext,
  inputs: readonly LicenceInput[],
): Promise<string | undefined> {
  const products = await productsOf(context)
  const short = products.filter(({ skuId, free }) => seatsOf(skuId, inputs) > free)
  if (short.length === 0) return undefined
  const lacking: string[] = []
  for (const { skuId, name, free } of short) {
    const needed = await seatsNeeded(context, skuId, inputs)
    if (needed > Math.max(0, free)) {
      lacking.push(`${needed} licences of ${name} are needed, and ${Math.max(0, free)} are left.`)
    }
  }
  if (lacking.length === 0) return undefined
  return `${lacking.join(' ')} None was assigned; buy more, or ask for fewer.`
}

/** At most: as if nobody held it yet and nobody gave one back. */
function seatsOf(skuId: string, inputs: readonly LicenceInput[]): number {
  return inputs.filter(({ add }) => add.some((one) => one.skuId === skuId)).length
}

async function seatsNeeded(
  context: ReadContext,
  skuId: string,
  inputs: readonly LicenceInput[],
): Promise<number> {
  const model = context.model(userModel)
  let needed = 0
  await inParallel(inputs, limits.partReadsInFlight, async ({ key, add, remove }) => {
    const gains = add.some((one) => one.skuId === skuId)
    const loses = remove.some((one) => one.skuId === skuId)
    if (!gains && !loses) return
    // One that a step before is to make holds nothing.
    const isThere = typeof key === 'string'
    const object = isThere ? await context.wire(model).get(model, key, context.signal) : undefined
    const holds = readLicences(object?.data.assignedLicenses).some((one) => one.skuId === skuId)
    if (gains && !holds) needed += 1
    if (loses && holds) needed -= 1
  })
  return needed
}

async function productsOf(context: ReadContext): Promise<Product[]> {
  const model = context.model(productModel)
  const page = await context.wire(model).list(model, undefined, context.signal)
  return readWhole(page).objects.map(({ data }) => readProduct(data))
}

/** What a group gives can only be taken away by leaving the group, or from the group. */
function refuseInherited(data: JsonObject, { remove }: LicenceInput): void {
  const states = data.licenseAssignmentStates
  if (!Array.isArray(states)) return
  const isDirect = (id: string) =>
    states.some(
      (state) => isJsonObject(state) && state.skuId === id && state.assignedByGroup === null,
    )
  const isHeld = (id: string) => states.some((state) => isJsonObject(state) && state.skuId === id)
  const inherited = remove.filter(({ skuId }) => isHeld(skuId) && !isDirect(skuId))
  if (inherited.length > 0) {
    throw new AppError(
      'microsoft-conflict',
      `${inherited.map(({ name }) => name).join(', ')} comes from a group. Take the user out of the group, or the licence from it.`,
    )
  }
}

function ofConcern(held: readonly Licence[], { add, remove }: LicenceInput): JsonObject[] {
  const ids = [...add, ...remove].map(({ skuId }) => skuId)
  return held
    .filter(({ skuId }) => ids.includes(skuId))
    .sort((a, b) => (a.skuId < b.skuId ? -1 : 1))
    .map(({ skuId, disabledPlans }) => ({ skuId, disabledPlans }))
}

/** As `ofConcern` wrote them. */
function asLicences(value: Json | undefined): Licence[] {
  return readLicences(value)
}
