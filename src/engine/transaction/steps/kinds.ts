import type { StepKinds } from '../step.ts'
import { createStep } from './create.ts'
import { deleteStep } from './delete.ts'
import { linkStep } from './link.ts'
import { passwordStep } from './password.ts'
import { restoreStep } from './restore.ts'
import { updateStep } from './update.ts'

/** The kinds that any model may have; features add those that know one service. */
export const commonSteps: StepKinds = {
  update: updateStep,
  create: createStep,
  delete: deleteStep,
  restore: restoreStep,
  link: linkStep,
  password: passwordStep,
}
