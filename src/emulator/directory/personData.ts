import type { Json, JsonObject } from '../../core/json.ts'

const noAttributes: JsonObject = Object.fromEntries(
  Array.from({ length: 15 }, (_, index) => [`extensionAttribute${index + 1}`, null]),
)

/** Every person has the same properties in the same order: one hidden class for all of them. */
export function personData(id: string, given: JsonObject): JsonObject {
  const read = (name: string): Json => given[name] ?? null
  return {
    id,
    deletedDateTime: null,
    accountEnabled: read('accountEnabled'),
    assignedLicenses: given.assignedLicenses ?? [],
    businessPhones: given.businessPhones ?? [],
    city: read('city'),
    companyName: read('companyName'),
    country: read('country'),
    createdDateTime: read('createdDateTime'),
    creationType: read('creationType'),
    department: read('department'),
    displayName: read('displayName'),
    employeeHireDate: read('employeeHireDate'),
    employeeId: read('employeeId'),
    employeeType: read('employeeType'),
    externalUserState: read('externalUserState'),
    externalUserStateChangeDateTime: read('externalUserStateChangeDateTime'),
    givenName: read('givenName'),
    jobTitle: read('jobTitle'),
    lastPasswordChangeDateTime: read('lastPasswordChangeDateTime'),
    mail: read('mail'),
    mailNickname: read('mailNickname'),
    mobilePhone: read('mobilePhone'),
    officeLocation: read('officeLocation'),
    onPremisesExtensionAttributes: given.onPremisesExtensionAttributes ?? noAttributes,
    otherMails: given.otherMails ?? [],
    passwordPolicies: read('passwordPolicies'),
    postalCode: read('postalCode'),
    preferredLanguage: read('preferredLanguage'),
    state: read('state'),
    streetAddress: read('streetAddress'),
    surname: read('surname'),
    usageLocation: read('usageLocation'),
    userPrincipalName: read('userPrincipalName'),
    userType: read('userType'),
  }
}
