import { readProduct } from '../../connectors/graph/licences.ts'
import { badInput } from '../../core/errors.ts'
import type { Model } from '../../core/model.ts'
import { requireModel } from '../../engine/engine.ts'
import type { Tx } from '../../store/scope.ts'
import { selectData } from '../resources/queries.ts'
import { findOne } from '../resources/resources.ts'
import { type LicenceInput, productModel } from './licenceStep.ts'

/** Products as people name them: by part number or id, without plans by name or id. */
export interface AskedLicences {
  add: readonly { product: string; without?: readonly string[] | undefined }[]
  remove: readonly string[]
}

/** The ids behind the names, from our copy of what the tenant has bought. */
export async function resolveLicences(
  tx: Tx,
  models: readonly Model[],
  tenantId: number,
  asked: AskedLicences,
  place: string,
): Promise<Pick<LicenceInput, 'add' | 'remove'>> {
  const model = requireModel(models, productModel)
  const add: LicenceInput['add'] = []
  for (const [index, { product, without = [] }] of asked.add.entries()) {
    const found = await findOne(tx, tenantId, model, product)
    const { plans } = readProduct(await selectData(tx, tenantId, found.id))
    const disabledPlans = without.map((name, at) => {
      const plan = plans.find((one) => one.id === name || one.name === name.toUpperCase())
      if (plan !== undefined) return plan.id
      throw badInput(`${place}.add.${index}.without.${at}`, `is no service plan of ${found.name}`)
    })
    add.push({ skuId: found.key, name: found.name, disabledPlans })
  }
  const remove: LicenceInput['remove'] = []
  for (const product of asked.remove) {
    const found = await findOne(tx, tenantId, model, product)
    remove.push({ skuId: found.key, name: found.name })
  }
  const ids = [...add, ...remove].map(({ skuId }) => skuId)
  if (ids.length === 0) throw badInput(`${place}.add`, 'or remove has to name a product')
  if (new Set(ids).size < ids.length) throw badInput(`${place}.add`, 'names a product twice')
  return { add, remove }
}
