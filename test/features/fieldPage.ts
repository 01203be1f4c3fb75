import type { Annotated } from '../../src/features/tenants/fields.ts'
import { referencedFields } from '../../src/features/tenants/reference.ts'

const introduction = `# The fields of a tenant

\`relation/MicrosoftTenant\`, the record of a Microsoft 365 tenant at a node. Groups, titles, lengths,
patterns and defaults are those of the reference (the model table in the documentation of VOSS
Automate); its names are accepted by imports. The tables below are made from
\`src/contract/tenantFields.ts\` by a test, which fails when they differ.

*Stored*: \`secret\` goes in and never comes out, only whether and when it was set; \`encrypted\` lies in
the vault too but is shown, with the user and password of an address as \`***\` (sending that back
keeps what is stored); everything else lies in the row. Cloud is \`global\` when none is given.

## Which fields are needed when

| when | needed |
|---|---|
| always | Name, Client ID, Tenant ID (a GUID, or a domain that is looked up), and a Secret or a Certificate; the secret is used when both are there |
| PowerShell mode \`windows-proxy\` | Host, Username (a local account, neither \`DOMAIN\\user\` nor \`user@domain\`), Password |
| and Microsoft Teams enabled | Admin Username, Admin Password |
| HTTP proxy in use and authenticating | its Username and Password |
| Microsoft Exchange enabled | Exchange organization, and a Certificate Thumbprint or a Certificate |

MS 365 proxy takes \`https://host:port/\`, MS 365 secure proxy \`https://user:password@host:port/\`; one of
the two at most. A Certificate belongs to the tenant's node or to one above it, and the thumbprint,
when given, is that certificate's. Empty page sizes mean 999.

## Secrets do not follow a changed place

When a field that says where a secret is sent (or as whose) changes, and the secret is not given anew
in the same request, the stored one is dropped; where it is still needed the request is refused and
names it. So nobody who may edit a tenant can have its secrets delivered elsewhere.
`

/** The page as it must stand in docs. */
export function renderFieldPage(): string {
  const groups = Map.groupBy(referencedFields, ({ group }) => group)
  const sections = [...groups].map(([group, fields]) => {
    const rows = fields.map(
      ({ path, schema }) =>
        `| ${schema.title} | \`${path}\` | ${code(schema.reference)} | ${typeOf(schema)} | ${schema.maxLength ?? ''} | ${patternOf(schema)} | ${code(schema.default)} | ${schema.stored ?? ''} |`,
    )
    const head =
      '| title | name | name in the reference | type | length | pattern | default | stored |'
    return `## ${group}\n\n${head}\n|---|---|---|---|---|---|---|---|\n${rows.join('\n')}\n`
  })
  return `${introduction}\n${sections.join('\n')}`
}

function code(value: string | number | boolean | undefined): string {
  return value === undefined ? '' : `\`${String(value)}\``
}

function typeOf({ type, anyOf, minimum, maximum }: Annotated): string {
  if (anyOf !== undefined) return anyOf.map((option) => code(option.const)).join(', ')
  const bounds = maximum === undefined || maximum === Number.MAX_SAFE_INTEGER
  return bounds ? (type ?? '') : `${type} ${minimum} to ${maximum}`
}

/** Every text field refuses control characters; that is not worth a cell. */
function patternOf({ pattern }: Annotated): string {
  return pattern === undefined || pattern.includes('u0000') ? '' : code(pattern)
}
