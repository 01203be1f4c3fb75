import type { Random } from '../../core/clock.ts'
import type { Json } from '../../core/json.ts'
import { licencesIn } from '../directory/computed.ts'
import { type Product, plans, products } from '../directory/skus.ts'
import type { Sku, User } from '../directory/types.ts'
import { pickWeighted, randomGuid } from '../random.ts'

export interface PickedLicences {
  /** As `assignedLicenses` has it; equal choices share one array. */
  assignedLicenses: Json[]
  mailbox: boolean
}

export type LicencePicker = (random: Random, enabled: boolean) => PickedLicences

type Base = { weight: number; product: Product | undefined }

const bases: readonly [Base, ...Base[]] = [
  { weight: 48, product: products.E3 },
  { weight: 20, product: products.E5 },
  { weight: 22, product: products.F3 },
  { weight: 4, product: products.exchange },
  { weight: 6, product: undefined },
]
const keptWhenDisabledShare = 0.2

/**
 * Chooses what a person is licensed for. There are a few dozen combinations among all people, and
 * each is one array in memory however many have it.
 */
export function licencePicker(): LicencePicker {
  const shared = new Map<string, PickedLicences>()
  return (random, enabled) => {
    const { product: base } = pickWeighted(random, bases)
    if (base === undefined || (!enabled && random() >= keptWhenDisabledShare)) return noLicences
    const trimmed = random() < 0.1 && base.plans.includes('SWAY')
    const added: Product[] = []
    if (base === products.E3 && random() < 0.25) added.push(products.phone)
    if (base === products.E3 && random() < 0.1) added.push(products.conferencing)
    if (random() < 0.15) added.push(products.flow)
    if (random() < 0.1) added.push(products.powerBi)
    const key = [base, ...added].map((product) => product.partNumber).join('+') + String(trimmed)
    const known = shared.get(key)
    if (known !== undefined) return known
    const made: PickedLicences = {
      assignedLicenses: [base, ...added].map((product) => ({
        disabledPlans: trimmed && product === base ? [plans.SWAY?.id ?? ''] : [],
        skuId: product.skuId,
      })),
      mailbox: base.plans.some((plan) => /^EXCHANGE_S_(?!FOUNDATION)/.test(plan)),
    }
    shared.set(key, made)
    return made
  }
}

const noLicences: PickedLicences = { assignedLicenses: [], mailbox: false }

/** What the company has bought: enough for everyone, of some things exactly enough. */
export function boughtSkus(users: readonly User[], random: Random): Sku[] {
  const consumed = new Map<string, number>()
  for (const user of users) {
    for (const { skuId } of licencesIn(user)) consumed.set(skuId, (consumed.get(skuId) ?? 0) + 1)
  }
  return Object.values(products).map((product: Product) => ({
    product,
    enabledUnits: unitsFor(product, consumed.get(product.skuId) ?? 0),
    subscriptionId: randomGuid(random),
  }))
}

function unitsFor(product: Product, consumed: number): number {
  // Free products come in lots of ten thousand; F3 is sold out, so that refusals can be met.
  if (product === products.flow || product === products.powerBi) {
    return Math.ceil((consumed + 1) / 10_000) * 10_000
  }
  if (product === products.F3) return consumed
  return Math.ceil((consumed * 1.05 + 5) / 5) * 5
}
