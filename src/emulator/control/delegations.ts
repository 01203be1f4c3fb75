import Type from 'typebox'
import type { JsonObject } from '../../core/json.ts'
import { dateText } from '../dates.ts'
import type { Tenant } from '../directory/types.ts'
import { randomGuid } from '../random.ts'
import type { State } from '../state.ts'
import { readAs } from './input.ts'

const Input = Type.Object(
  {
    displayName: Type.String({ maxLength: 50 }),
    customer: Type.String(),
    endsInSeconds: Type.Number(),
    status: Type.Optional(
      Type.Union(
        (['active', 'expiring', 'expired', 'terminated', 'approvalPending'] as const).map((each) =>
          Type.Literal(each),
        ),
      ),
    ),
    autoExtendDuration: Type.Optional(Type.Union([Type.Literal('PT0S'), Type.Literal('P180D')])),
  },
  { additionalProperties: false },
)

const year = 365 * 86_400_000

/** A relationship with a customer, of a year; active unless said otherwise. */
export function postDelegation(state: State, tenant: Tenant, input: JsonObject): unknown {
  const given = readAs(Input, input)
  const endsAt = state.clock.now() + given.endsInSeconds * 1_000
  const id = `${randomGuid(tenant.random)}-${randomGuid(tenant.random)}`
  const began = dateText(endsAt - year)
  tenant.delegations.push({
    seq: tenant.delegations.length + 1,
    id,
    type: 'delegatedAdminRelationship',
    data: {
      id,
      displayName: given.displayName,
      status: given.status ?? 'active',
      duration: 'P365D',
      autoExtendDuration: given.autoExtendDuration ?? 'PT0S',
      customer: { tenantId: randomGuid(tenant.random), displayName: given.customer },
      accessDetails: { unifiedRoles: [] },
      createdDateTime: began,
      activatedDateTime: began,
      lastModifiedDateTime: began,
      endDateTime: dateText(endsAt),
    },
  })
  return { id }
}
