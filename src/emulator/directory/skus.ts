/** A product that Microsoft sells, with the plans inside it. Ids and names are Microsoft's own. */
export interface Product {
  skuId: string
  partNumber: string
  plans: readonly string[]
  /** For people, or for the whole company. */
  appliesTo: 'User' | 'Company'
}

interface Plan {
  id: string
  /** What `assignedPlans.service` says. */
  service: string
}

// biome-ignore format: a table is read by its columns
export const plans: Readonly<Record<string, Plan>> = {
  EXCHANGE_S_ENTERPRISE: { id: 'efb87545-963c-4e0d-99df-69c6916d9eb0', service: 'exchange' },
  EXCHANGE_S_STANDARD: { id: '9aaf7827-d63c-4b61-89c3-182f06f82e5c', service: 'exchange' },
  EXCHANGE_S_DESKLESS: { id: '4a82b400-a79f-41a4-b4e2-e94f5787b113', service: 'exchange' },
  EXCHANGE_S_FOUNDATION: { id: '113feb6c-3fe4-4440-bddc-54d774bf0318', service: 'exchange' },
  TEAMS1: { id: '57ff2da0-773e-42df-b2af-ffb7a2317929', service: 'TeamspaceAPI' },
  MCOSTANDARD: { id: '0feaeb32-d00e-4d66-bd5a-43b5b83db82c', service: 'MicrosoftCommunicationsOnline' },
  MCOIMP: { id: 'afc06cb0-b4f4-4473-8286-d644f70d8faf', service: 'MicrosoftCommunicationsOnline' },
  MCOEV: { id: '4828c8ec-dc2e-4779-b502-87ac9ce28ab7', service: 'MicrosoftCommunicationsOnline' },
  MCOEV_VIRTUALUSER: { id: 'f47330e9-c134-43b3-9993-e7f004506889', service: 'MicrosoftCommunicationsOnline' },
  MCOMEETADV: { id: '3e26ee1f-8a5f-4d52-aee2-b81ce45c8f40', service: 'MicrosoftCommunicationsOnline' },
  SHAREPOINTENTERPRISE: { id: '5dbe027f-2339-4123-9542-606e4d348a72', service: 'SharePoint' },
  SHAREPOINTDESKLESS: { id: '902b47e5-dcb2-4fdc-858b-c63a90a2bdb9', service: 'SharePoint' },
  SHAREPOINTWAC: { id: 'e95bec33-7c88-4a70-8e19-b10bd9d0c014', service: 'SharePoint' },
  OFFICESUBSCRIPTION: { id: '43de0ff5-c92c-492b-9116-175376d08c38', service: 'MicrosoftOffice' },
  YAMMER_ENTERPRISE: { id: '7547a3fe-08ee-4ccb-b430-5077c5041653', service: 'YammerEnterprise' },
  SWAY: { id: 'a23b959c-7ce8-4e57-9140-b90eb88a9e97', service: 'Sway' },
  INTUNE_A: { id: 'c1ec4a95-1f05-45b3-a911-aa3fa01094f5', service: 'SCO' },
  AAD_PREMIUM: { id: '41781fb2-bc02-4b7c-bd55-b576c07bb09d', service: 'AADPremiumService' },
  AAD_PREMIUM_P2: { id: 'eec0eb4f-6444-4f95-aba0-50c24d67f998', service: 'AADPremiumService' },
  RMS_S_ENTERPRISE: { id: 'bea4c11e-220a-4e6d-8eb8-8ea15d019f90', service: 'RMSOnline' },
  FLOW_P2_VIRAL: { id: '50e68c76-46c6-4674-81f9-75456511b170', service: 'ProcessSimple' },
  BI_AZURE_P0: { id: '2049e525-b859-401b-b2a0-e0a31c4b1fe4', service: 'PowerBI' },
}

const office = [
  'SHAREPOINTENTERPRISE',
  'SHAREPOINTWAC',
  'OFFICESUBSCRIPTION',
  'YAMMER_ENTERPRISE',
  'SWAY',
]
const security = ['INTUNE_A', 'AAD_PREMIUM', 'RMS_S_ENTERPRISE']

export const products = {
  E5: {
    skuId: '06ebc4ee-1bb5-47dd-8120-11324bc54e06',
    partNumber: 'SPE_E5',
    appliesTo: 'User',
    plans: [
      'EXCHANGE_S_ENTERPRISE',
      'TEAMS1',
      'MCOSTANDARD',
      'MCOEV',
      'MCOMEETADV',
      ...office,
      ...security,
      'AAD_PREMIUM_P2',
    ],
  },
  E3: {
    skuId: '05e9a617-0261-4cee-bb44-138d3ef5d965',
    partNumber: 'SPE_E3',
    appliesTo: 'User',
    plans: ['EXCHANGE_S_ENTERPRISE', 'TEAMS1', 'MCOSTANDARD', ...office, ...security],
  },
  F3: {
    skuId: '66b55226-6b4f-492c-910c-a3b7a3c9d993',
    partNumber: 'SPE_F1',
    appliesTo: 'User',
    plans: [
      'EXCHANGE_S_DESKLESS',
      'TEAMS1',
      'MCOIMP',
      'SHAREPOINTDESKLESS',
      'YAMMER_ENTERPRISE',
      'SWAY',
      ...security,
    ],
  },
  exchange: {
    skuId: '4b9405b0-7788-4568-add1-99614e613b69',
    partNumber: 'EXCHANGESTANDARD',
    appliesTo: 'User',
    plans: ['EXCHANGE_S_STANDARD'],
  },
  phone: {
    skuId: 'e43b5b99-8dfb-405f-9987-dc307f34bcbd',
    partNumber: 'MCOEV',
    appliesTo: 'User',
    plans: ['MCOEV'],
  },
  conferencing: {
    skuId: '0c266dff-15dd-4b49-8397-2bb16070ed52',
    partNumber: 'MCOMEETADV',
    appliesTo: 'User',
    plans: ['EXCHANGE_S_FOUNDATION', 'MCOMEETADV'],
  },
  phoneResource: {
    skuId: '440eaaa8-b3e0-484b-a8be-62870b9ba70a',
    partNumber: 'PHONESYSTEM_VIRTUALUSER',
    appliesTo: 'User',
    plans: ['MCOEV_VIRTUALUSER'],
  },
  flow: {
    skuId: 'f30db892-07e9-47e9-837c-80727f46fd3d',
    partNumber: 'FLOW_FREE',
    appliesTo: 'User',
    plans: ['EXCHANGE_S_FOUNDATION', 'FLOW_P2_VIRAL'],
  },
  powerBi: {
    skuId: 'a403ebcc-fae0-4ca2-8c8c-7a907fd6c235',
    partNumber: 'POWER_BI_STANDARD',
    appliesTo: 'User',
    plans: ['EXCHANGE_S_FOUNDATION', 'BI_AZURE_P0'],
  },
} as const satisfies Record<string, Product>

/** Of each of these sets a person has one plan at most. */
export const exclusivePlans: readonly (readonly string[])[] = [
  ['EXCHANGE_S_ENTERPRISE', 'EXCHANGE_S_STANDARD', 'EXCHANGE_S_DESKLESS'],
]

/** A plan on the left works only together with one of those on the right. */
export const dependentPlans: Readonly<Record<string, readonly string[]>> = {
  MCOEV: ['MCOSTANDARD', 'MCOIMP', 'TEAMS1'],
  SHAREPOINTWAC: ['SHAREPOINTENTERPRISE', 'SHAREPOINTDESKLESS'],
}
