import { badInput } from '../core/errors.ts'

/** `device/msgraph/MSOLUser`, also without `device/`, as the members of a path. */
export function modelPath(text: string): { application: string; name: string } {
  const [, application, name] = /^(?:device\/)?([^/]+)\/([^/]+)$/i.exec(text) ?? []
  if (application === undefined || name === undefined) {
    throw badInput(
      'model',
      `has the form device/msgraph/MSOLUser, unlike ${text}; \`patchbay model list\` shows them`,
    )
  }
  return { application, name }
}
