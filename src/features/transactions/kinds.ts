import type { StepKinds } from '../../engine/transaction/step.ts'
import { commonSteps } from '../../engine/transaction/steps/kinds.ts'
import { licenceStep } from '../licences/licenceStep.ts'

/** Every kind of step there is. */
export const stepKinds: StepKinds = { ...commonSteps, licence: licenceStep }
