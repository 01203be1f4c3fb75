import { readFile } from 'node:fs/promises'
import { Agent, fetch } from 'undici'
import type { EmulatedTenant } from '../src/main/children.ts'

/** Where an emulated tenant is. */
export interface GraphPlace {
  url: string
  caFile: string
  tenant: EmulatedTenant
}

/** What a sync asks of each user. */
export const usersQuery =
  '$select=id,displayName,userPrincipalName,givenName,surname,mail,mailNickname,accountEnabled,' +
  'userType,department,jobTitle,companyName,employeeId,employeeType,officeLocation,streetAddress,' +
  'city,state,postalCode,country,usageLocation,preferredLanguage,businessPhones,mobilePhone,' +
  'faxNumber,otherMails,proxyAddresses,onPremisesSyncEnabled,onPremisesImmutableId,' +
  'onPremisesSamAccountName,createdDateTime,lastPasswordChangeDateTime,assignedLicenses,' +
  'licenseAssignmentStates&$top=999&$expand=manager($select=id)'

export interface PlainPage {
  value: object[]
  '@odata.nextLink'?: string
}

/** The plainest client there is: signs in once, follows links, parses. */
export async function openPlainGraph({ url, caFile, tenant }: GraphPlace) {
  const dispatcher = new Agent({ connect: { ca: await readFile(caFile, 'utf8') } })
  const body = new URLSearchParams({
    ...{ grant_type: 'client_credentials', scope: 'https://graph.microsoft.com/.default' },
    ...{ client_id: tenant.clientId, client_secret: tenant.clientSecret },
  })
  const signIn = `${url}/${tenant.tenantId}/oauth2/v2.0/token`
  const answer = await fetch(signIn, { method: 'POST', body, dispatcher })
  const { access_token: token } = (await answer.json()) as { access_token: string }
  const headers = { authorization: `Bearer ${token}` }
  return {
    async *pages(first: string): AsyncGenerator<PlainPage> {
      let next: string | undefined = first
      while (next !== undefined) {
        const answer = await fetch(next, { headers, dispatcher })
        const page = (await answer.json()) as PlainPage
        yield page
        next = page['@odata.nextLink']
      }
    },
    /** Answers the status. */
    async patch(path: string, change: object): Promise<number> {
      const answer = await fetch(`${url}/v1.0/${path}`, {
        ...{ method: 'PATCH', body: JSON.stringify(change), dispatcher },
        headers: { ...headers, 'content-type': 'application/json' },
      })
      await answer.body?.cancel()
      return answer.status
    },
    close: () => dispatcher.close(),
  }
}
