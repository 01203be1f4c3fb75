import { createHash } from 'node:crypto'
import {
  appRoleId,
  exchangeManageAsApp,
  graphAppRoles,
  resourceAppIds,
} from '../../catalogue/permissions.ts'
import type { JsonObject } from '../../core/json.ts'
import { dateText } from '../dates.ts'
import { current } from './others.ts'
import { directoryRoleIds } from './roles.ts'
import type { Entity, Tenant } from './types.ts'

/** The registration of the application itself, with its credentials but not their texts. */
export function applicationOf(tenant: Tenant): Entity {
  const { app } = tenant
  const data = {
    id: app.objectId,
    appId: app.clientId,
    createdDateTime: '2024-02-01T09:00:00Z',
    displayName: app.displayName,
    keyCredentials: app.certificates.map((certificate) => ({
      customKeyIdentifier: Buffer.from(certificate.thumbprint1, 'base64url').toString('base64'),
      displayName: certificate.subject,
      endDateTime: dateText(certificate.endsAt),
      key: null,
      keyId: certificate.keyId,
      startDateTime: dateText(certificate.startsAt),
      type: 'AsymmetricX509Cert',
      usage: 'Verify',
    })),
    oauth2RequirePostResponse: false,
    passwordCredentials: app.secrets.map((secret) => ({
      customKeyIdentifier: null,
      displayName: secret.displayName,
      endDateTime: dateText(secret.endsAt),
      hint: secret.text.slice(0, 3),
      keyId: secret.keyId,
      secretText: null,
      startDateTime: dateText(secret.startsAt),
    })),
    requiredResourceAccess: requiredAccess(app.requiredRoles),
    publisherDomain: tenant.domains[0] ?? null,
    signInAudience: 'AzureADMultipleOrgs',
  }
  return { seq: 1, id: app.objectId, type: 'application', data }
}

/** The permissions that consent gives it, by the service they are of. */
function requiredAccess(names: readonly string[]): JsonObject[] {
  const byService = Map.groupBy(names, (name) =>
    name === exchangeManageAsApp.name ? resourceAppIds.exchange : resourceAppIds.graph,
  )
  return [...byService].map(([resourceAppId, roles]) => ({
    resourceAppId,
    resourceAccess: roles.flatMap((name) => {
      const id = appRoleId(name)
      return id === undefined ? [] : [{ id, type: 'Role' }]
    }),
  }))
}

/** The application's own principal and those of the services it speaks to. */
export function servicePrincipalsOf(tenant: Tenant): Entity[] {
  const { app, servicePrincipalIds } = tenant
  const exchangeRole = { ...exchangeManageAsApp, title: 'Manage Exchange As Application' }
  const principals: JsonObject[] = [
    { id: app.servicePrincipalId, appId: app.clientId, displayName: app.displayName, appRoles: [] },
    {
      id: servicePrincipalIds.graph,
      appId: resourceAppIds.graph,
      displayName: 'Microsoft Graph',
      appRoles: graphAppRoles().map(appRole),
    },
    {
      id: servicePrincipalIds.exchange,
      appId: resourceAppIds.exchange,
      displayName: 'Office 365 Exchange Online',
      appRoles: [appRole(exchangeRole)],
    },
  ]
  const entities = principals.map((principal, index) => ({
    seq: index + 1,
    id: String(principal.id),
    type: 'servicePrincipal',
    data: {
      ...principal,
      accountEnabled: true,
      appDisplayName: principal.displayName ?? null,
      appRoleAssignmentRequired: false,
      servicePrincipalNames: [principal.appId ?? null],
      servicePrincipalType: 'Application',
      signInAudience: 'AzureADMultipleOrgs',
    },
  }))
  return current(tenant.others, entities)
}

function appRole({ id, name, title }: { id: string; name: string; title: string }): JsonObject {
  return {
    allowedMemberTypes: ['Application'],
    description: title,
    displayName: title,
    id,
    isEnabled: true,
    origin: 'Application',
    value: name,
  }
}

/** What has been granted to the application: the permissions that its tokens name as roles. */
export function appRoleAssignmentsOf(tenant: Tenant): Entity[] {
  const { app, servicePrincipalIds } = tenant
  return app.roles.flatMap((name, index) => {
    const appRoleOfName = appRoleId(name)
    if (appRoleOfName === undefined) return []
    const ofExchange = name === exchangeManageAsApp.name
    const id = createHash('sha256').update(`${tenant.id}/${name}`).digest('base64url')
    const data = {
      id,
      appRoleId: appRoleOfName,
      createdDateTime: dateText(app.consentedAt ?? 0),
      principalDisplayName: app.displayName,
      principalId: app.servicePrincipalId,
      principalType: 'ServicePrincipal',
      resourceDisplayName: ofExchange ? 'Office 365 Exchange Online' : 'Microsoft Graph',
      resourceId: ofExchange ? servicePrincipalIds.exchange : servicePrincipalIds.graph,
    }
    return [{ seq: index + 1, id, type: 'appRoleAssignment', data }]
  })
}

/** Directory roles of people and of the application. */
export function roleAssignmentsOf(tenant: Tenant): Entity[] {
  const { app } = tenant
  const ofApp = app.directoryRoles.flatMap((name) => {
    const roleTemplateId = directoryRoleIds[name]
    if (roleTemplateId === undefined) return []
    const id = createHash('sha256').update(`${tenant.id}/${roleTemplateId}`).digest('base64url')
    return [{ id, principalId: app.servicePrincipalId, roleTemplateId }]
  })
  const entities = [...ofApp, ...tenant.roleAssignments].map(
    ({ id, principalId, roleTemplateId }, index) => ({
      seq: index + 1,
      id,
      type: 'unifiedRoleAssignment',
      data: {
        id,
        principalId,
        principalOrganizationId: tenant.id,
        directoryScopeId: '/',
        roleDefinitionId: roleTemplateId,
      },
    }),
  )
  return current(tenant.others, entities)
}

export function roleDefinitions(): Entity[] {
  return Object.entries(directoryRoleIds).map(([displayName, id], index) => ({
    seq: index + 1,
    id,
    type: 'unifiedRoleDefinition',
    data: {
      id,
      description: `Built-in role ${displayName}`,
      displayName,
      isBuiltIn: true,
      isEnabled: true,
      resourceScopes: ['/'],
      templateId: id,
      version: '1',
    },
  }))
}
