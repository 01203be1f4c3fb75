/**
 * What a field that becomes an address is for: how it is read and which ports are usual follow from
 * it. `address` in a schema of the contract says the kind, so that every such field can be found.
 */
export const addressKinds = ['proxy', 'windows-computer', 'webhook'] as const
export type AddressKind = (typeof addressKinds)[number]
