import type { StepKinds } from '../../engine/transaction/step.ts'
import { commonSteps } from '../../engine/transaction/steps/kinds.ts'
import { passwordStep } from '../../engine/transaction/steps/password.ts'
import { licenceStep } from '../licences/licenceStep.ts'

/** Every kind of step there is, with what Microsoft wants for it where the model says otherwise. */
export const stepKinds: StepKinds = {
  ...commonSteps,
  password: {
    ...passwordStep,
    needs: { read: ['User.Read.All'], write: ['User-PasswordProfile.ReadWrite.All'] },
  },
  licence: {
    ...licenceStep,
    needs: {
      read: ['User.Read.All', 'LicenseAssignment.Read.All'],
      write: ['LicenseAssignment.ReadWrite.All'],
    },
  },
}
