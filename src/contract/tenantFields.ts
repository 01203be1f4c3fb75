import type { TProperties } from 'typebox'
import type { AddressKind } from '../core/addressKind.ts'
import { limits } from '../core/limits.ts'
import { Closed, Id, Nullable, Text, Time } from './schemas.ts'
import { Type } from './type.ts'

interface FieldOptions {
  stored?: 'secret' | 'encrypted'
  address?: AddressKind
  maxLength?: number
  pattern?: string
}

/**
 * The fields of `relation/MicrosoftTenant`: groups, titles, lengths, patterns and defaults of the
 * model table in the reference documentation of VOSS Automate, under our spelling. `reference` is
 * the name there, which imports accept; `stored` says where the value lies:
 * `secret` never comes out again, `encrypted` lies in the vault but is shown (addresses with their
 * password masked); `address` marks what becomes an address, and of what kind.
 */
function field(title: string, reference: string | undefined, options: FieldOptions = {}) {
  return { title, ...(reference && { reference }), ...options }
}

function line(title: string, reference: string | undefined, options: FieldOptions = {}) {
  return Type.Optional(Nullable(Text({ maxLength: 255, ...field(title, reference, options) })))
}

function flag(title: string, reference: string | undefined) {
  return Type.Optional(Type.Boolean({ ...field(title, reference), default: false }))
}

const pageSize = (title: string, reference: string) =>
  Type.Optional(Nullable(Type.Integer({ minimum: 1, maximum: 999, ...field(title, reference) })))

export const tenantGroups = {
  powershell: Closed(
    {
      mode: Type.Optional(
        Type.Union([Type.Literal('none'), Type.Literal('service'), Type.Literal('windows-proxy')], {
          ...field('PowerShell deployment mode', 'powershellDeploymentMode'),
          default: 'none',
        }),
      ),
      host: line('Host', 'Microsoft Teams Powershell.hostName', { address: 'windows-computer' }),
      username: line('Username', 'Microsoft Teams Powershell.proxyUsername'),
      password: line('Password', 'Microsoft Teams Powershell.proxyPassword', { stored: 'secret' }),
    },
    { title: 'Microsoft Teams Powershell' },
  ),
  httpProxy: Closed(
    {
      use: flag('Use HTTP Proxy', 'Microsoft Teams HTTP Proxy.use_proxy'),
      authenticate: flag(
        'Use HTTP Proxy Authentication',
        'Microsoft Teams HTTP Proxy.use_http_proxy_auth',
      ),
      username: line('Username', 'Microsoft Teams HTTP Proxy.http_proxy_username'),
      password: line('Password', 'Microsoft Teams HTTP Proxy.http_proxy_password', {
        stored: 'secret',
      }),
    },
    { title: 'Microsoft Teams HTTP Proxy' },
  ),
  teams: Closed(
    {
      enabled: flag('Enable Microsoft Teams', undefined),
      adminUsername: line('Admin Username', 'Microsoft Teams.tenantUsername'),
      adminPassword: line('Admin Password', 'Microsoft Teams.tenantPassword', { stored: 'secret' }),
    },
    { title: 'Microsoft Teams' },
  ),
  graph: Closed(
    {
      cloud: line('Cloud', undefined, { maxLength: 64 }),
      clientId: line('Client ID', 'Microsoft 365.client_id'),
      tenantId: line('Tenant ID', 'Microsoft 365.tenant_id'),
      clientSecret: line('Secret', 'Microsoft 365.client_secret', { stored: 'secret' }),
      certificateThumbprint: line(
        'Certificate Thumbprint',
        'Microsoft 365.graph_api_certificate_thumbprint',
      ),
      certificateId: Type.Optional(
        Nullable(
          Type.Integer({
            minimum: 1,
            maximum: Number.MAX_SAFE_INTEGER,
            ...field('Certificate', 'Microsoft 365.certificate_bkey'),
          }),
        ),
      ),
      secondClientSecret: line('Second secret', undefined, { stored: 'secret' }),
      secondCertificateId: Type.Optional(
        Nullable(
          Type.Integer({
            minimum: 1,
            maximum: Number.MAX_SAFE_INTEGER,
            ...field('Second certificate', undefined),
          }),
        ),
      ),
      proxy: line('MS 365 proxy', 'Microsoft 365.http_proxy', {
        ...{ stored: 'encrypted', address: 'proxy' },
      }),
      secureProxy: line('MS 365 secure proxy', 'Microsoft 365.https_proxy', {
        ...{ stored: 'encrypted', address: 'proxy' },
      }),
      caCertificate: Type.Optional(
        Nullable(
          Type.String({
            maxLength: limits.certificateAuthorityChars,
            pattern: '^[\\x20-\\x7e\\s]*$',
            ...field('Certification authority of the way to Microsoft (PEM)', undefined),
          }),
        ),
      ),
      userPageSize: pageSize('Max page size for MSOLUser', 'Microsoft 365.msol_user_api_page_size'),
      groupPageSize: pageSize('Max page size for Groups', 'Microsoft 365.groups_api_page_size'),
    },
    { title: 'Microsoft 365' },
  ),
  exchange: Closed(
    {
      enabled: flag('Enable Microsoft Exchange', 'Microsoft Exchange.enable_exchange'),
      organization: line('Exchange organization', undefined),
      certificateThumbprint: line(
        'Certificate Thumbprint',
        'Microsoft Exchange.exchange_certificate_thumbprint',
        { stored: 'encrypted' },
      ),
    },
    { title: 'Microsoft Exchange' },
  ),
  sync: Closed(
    {
      deleteThreshold: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: 1_000_000,
          default: 10,
          ...field('Removals per model and sync that need no approval', undefined),
        }),
      ),
      onSave: flag('Sync on save, of the tenant and of changes', 'syncGraph'),
      notifications: flag('Have Microsoft notify of changes', undefined),
    },
    { title: 'Sync' },
  ),
} satisfies TProperties

export const tenantHead = {
  name: Type.String({
    minLength: 1,
    maxLength: 255,
    // The hyphen is escaped: HTML compiles patterns with the `v` flag, which refuses a bare one.
    pattern: '^[a-zA-Z0-9\\-_. ]+$',
    ...field('Name', 'Tenant.name'),
  }),
  description: Type.Optional(
    Nullable(Text({ maxLength: 255, ...field('Description', 'Tenant.description') })),
  ),
}

const optionalGroups = {
  powershell: Type.Optional(tenantGroups.powershell),
  httpProxy: Type.Optional(tenantGroups.httpProxy),
  teams: Type.Optional(tenantGroups.teams),
  graph: Type.Optional(tenantGroups.graph),
  exchange: Type.Optional(tenantGroups.exchange),
  sync: Type.Optional(tenantGroups.sync),
}

export const TenantCreate = Closed({ nodeId: Id, ...tenantHead, ...optionalGroups })

/** Absent members stay as they are, null clears. */
export const TenantUpdate = Closed({
  name: Type.Optional(tenantHead.name),
  description: tenantHead.description,
  ...optionalGroups,
})

const SecretState = Closed({ set: Type.Boolean(), changedAt: Nullable(Time) })
const Shown = Nullable(Type.String())

const Connection = Closed({
  wire: Type.String(),
  state: Type.String(),
  message: Type.String(),
  checkedAt: Nullable(Time),
})

export const Tenant = Closed({
  id: Id,
  nodeId: Id,
  nodePath: Type.String(),
  version: Type.Integer(),
  name: Type.String(),
  description: Shown,
  powershell: Closed({ mode: Type.String(), host: Shown, username: Shown, password: SecretState }),
  httpProxy: Closed({
    use: Type.Boolean(),
    authenticate: Type.Boolean(),
    username: Shown,
    password: SecretState,
  }),
  teams: Closed({ enabled: Type.Boolean(), adminUsername: Shown, adminPassword: SecretState }),
  graph: Closed({
    cloud: Type.String(),
    clientId: Type.String(),
    tenantId: Type.String(),
    clientSecret: SecretState,
    certificateThumbprint: Shown,
    certificateId: Nullable(Id),
    secondClientSecret: SecretState,
    secondCertificateId: Nullable(Id),
    proxy: Shown,
    secureProxy: Shown,
    caCertificate: Shown,
    userPageSize: Nullable(Type.Integer()),
    groupPageSize: Nullable(Type.Integer()),
  }),
  exchange: Closed({
    enabled: Type.Boolean(),
    organization: Shown,
    certificateThumbprint: Shown,
  }),
  sync: Closed({
    deleteThreshold: Type.Integer(),
    onSave: Type.Boolean(),
    notifications: Type.Boolean(),
  }),
  connections: Type.Array(Connection),
  createdAt: Time,
  updatedAt: Time,
})
