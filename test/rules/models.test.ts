import { expect, test } from 'vitest'
import { loadModels } from '../../src/engine/models/load.ts'

// The page is written from the models. `npx vitest run test/rules/models.test.ts -u` writes it.

const introduction = `# Models

What Patchbay reads and changes, with the permissions of Microsoft Graph that the application needs
for it: those for changing come on top of those for reading. \`patchbay model list --json\` says the
same of a running server; Test Connection compares it with what was granted. Each model is one file
of \`models/\`; how one is written is in [architecture.md](architecture.md), section 3.

`

const remarks = `
A sync reads the changes since the last one where Microsoft offers them, and the whole list where it
does not. Links lead to objects of other models: \`resource show\` lists them by name, both ways.
Whether a person has a licence from a group shows in \`licensedBy\`, and plan by plan in
\`licenseAssignmentStates\`.

Changing rooms also takes a role in Exchange Online for the application (\`TenantPlacesManagement\`
and \`MailRecipient\`, see "Update place" of Microsoft Graph).
`

test('docs/models.md lists the models as they are', async () => {
  const models = await loadModels('models')
  const rows = models
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ id, title, needs, links, delta, ...model }) => [
      `\`${id}\``,
      title,
      words(needs.read),
      model.update === undefined ? 'read only' : words(needs.write),
      [
        ...(model.create === undefined ? [] : ['make']),
        ...(model.update === undefined ? [] : ['change']),
        ...(model.delete === undefined ? [] : ['delete']),
        ...(model.deleted === undefined ? [] : ['restore']),
      ].join(', '),
      delta === undefined ? 'list' : 'changes',
      links.map(({ kind }) => kind).join(', '),
    ])
  const head = ['model', 'what it is', 'to read', 'to change', 'can', 'sync reads', 'links']
  const table = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
  const page = `${introduction}${table.join('\n')}\n${remarks}`
  await expect(page).toMatchFileSnapshot('../../docs/models.md')
})

function words(permissions: readonly string[]): string {
  return permissions.map((name) => `\`${name}\``).join(', ')
}
