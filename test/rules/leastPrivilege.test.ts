import { expect, test } from 'vitest'
import {
  demandsOf,
  everything,
  leastPermissions,
} from '../../src/features/tenants/leastPermissions.ts'
import { aids, features, tooPowerful } from '../../src/features/tenants/permissions.ts'

// The page is written from the features. `npx vitest run test/rules/leastPrivilege.test.ts -u`.

const introduction = `# An app registration with no more than it needs

Patchbay signs in as an application of its own in each tenant, with application permissions of
Microsoft Graph and, for most tenants, no directory role. Which permissions follows from what it is
to do there:

\`\`\`sh
patchbay tenant permissions --features users,groups:read,licences
patchbay tenant permissions --tenant 1
\`\`\`

The first prints the fewest permissions for features you choose (\`:read\` where they are only to be
seen), the second those of the features in use in a tenant, and which of them its last Test Connection
found granted. Grant them under *API permissions* of the app registration, as *application*
permissions, with admin consent. Where one is missing, everything else goes on: what needs it fails by
itself and names it, in Test Connection, in the sync and in the change.

## Registering it

In the customer's Entra (entra.microsoft.com), under *App registrations*:

1. *New registration*: any name, *Accounts in this organizational directory only*, no redirect URI.
   Patchbay signs in at this very tenant and without a browser; only
   [a link by which an administrator consents](sign-in.md#a-tenants-consent) needs one.
2. Of its *Overview* note *Application (client) ID* and *Directory (tenant) ID*.
3. *API permissions*, *Add a permission*, *Microsoft Graph*, *Application permissions*: those the
   first command above prints. The delegated \`User.Read\` that is there already is not needed.
4. *Grant admin consent*; then each line must say *Granted*. It takes a minute or so until that counts.
5. *Certificates & secrets*: upload what \`patchbay certificate export\` prints, or make a client secret
   and keep its *value*, which is shown once.

Then attach the tenant (\`--certificate <id>\` in place of \`--secret-file\`) and see what is missing:

\`\`\`sh
patchbay tenant add --node 2 --name Contoso --tenant-id <directory id> --client-id <application id> --secret-file secret
patchbay tenant test 1
\`\`\`

## What each feature needs

`

const remarks = (all: string) => `
Any one permission of a cell is enough; the first is the least. A permission to change includes that
to read the same. For all of this together the fewest are ${all}.

*users* covers making, deleting and restoring people. *memberships* are the members of groups, and
*passwords* setting a new one; neither is asked for before somebody does it. The last three help to
run a tenant: without them Test Connection, and \`patchbay credential list\`, say what they cannot tell.
*delegated administration* is for a partner's own tenant.

## What it never needs

No feature needs a directory role, with two exceptions that Microsoft makes:

- People who hold a privileged role can be disabled, deleted or given a password only by an
  application with a higher role. Leave them to people, unless you have a reason.
- Rooms are changed through Exchange Online, which wants \`TenantPlacesManagement\` and
  \`MailRecipient\` of the application.

Test Connection warns of what makes an application master of the tenant. Take it away:
${[...tooPowerful.directoryRoles, ...tooPowerful.permissions].map((name) => `\`${name}\``).join(', ')}.

## The credential

Prefer a certificate to a secret (\`patchbay certificate create\`); its private key never leaves the
vault. [When credentials end](credentials.md) says how the next one takes over.
`

test('docs/guides/least-privilege.md lists the permissions as they are', async () => {
  const rows = [
    ...features.map(({ feature, read, write }) => [
      feature,
      words(read.anyOf),
      write === undefined ? 'nothing is changed' : words(write.anyOf),
    ]),
    ...aids.map(({ feature, reads }) => [feature, reads.map(words).join('; and '), '']),
  ]
  const head = ['feature', 'to see it', 'to change it']
  const table = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
  const all = words(leastPermissions(demandsOf(everything())))
  const page = `${introduction}${table.join('\n')}\n${remarks(all)}`
  await expect(page).toMatchFileSnapshot('../../docs/guides/least-privilege.md')
})

function words(permissions: readonly string[]): string {
  return permissions.map((name) => `\`${name}\``).join(', ')
}
