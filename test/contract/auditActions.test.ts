import { expect, it } from 'vitest'
import { isTest, readSources, type SourceFile, visit } from '../rules/source.ts'

/** Who writes the audit, as its importers name it. */
const writers =
  /\/(store\/audit|operation\/record|operator|transaction\/work|\.\/work)\.ts$|^\.\/(audit|operator|work|record)\.ts$/
const code = /^[a-z][A-Za-z-]*\.[a-z-]+$/
/** Of the same shape in the same files: fields of inputs, and what is told of progress only. */
const others =
  /^(body|query|headers|graph|powershell|teams|exchange|httpProxy|secret|data|step|upload)\.|\.(progress|undoing|json|ts)$/

/** The codes a file puts on record; `removals.*` for one made of a word and a decision. */
function codesOf(file: SourceFile): string[] {
  if (!file.path.startsWith('src/') || isTest(file.path)) return []
  let writes = false
  const found: string[] = []
  visit(file, {
    ImportDeclaration: ({ source }) => {
      writes ||= writers.test(source.value)
    },
    // Some have no dot, and look like any word.
    Property: ({ key, value }) => {
      if (key.type !== 'Identifier' || key.name !== 'action' || value.type !== 'Literal') return
      found.push(String(value.value))
    },
    Literal: ({ value }) => {
      if (typeof value === 'string' && code.test(value) && !others.test(value)) found.push(value)
    },
    TemplateLiteral: ({ quasis }) => {
      const head = quasis[0]?.value.raw ?? ''
      if (quasis.length === 2 && /^[a-zA-Z]+\.$/.test(head) && !others.test(head))
        found.push(`${head}*`)
    },
  })
  return writes ? found : []
}

const sources = readSources()
const codes = [...new Set(sources.flatMap(codesOf))].sort()

// I3. Golden: a code that comes, goes or is renamed shows as a diff. `-u` writes it.
it('I3: everything that is put on record has its code in the golden file', async () => {
  await expect(`${codes.join('\n')}\n`).toMatchFileSnapshot('./auditActions.txt')
})

it('I3: every code is shown by a test', () => {
  const tests = sources.filter(
    ({ path }) => isTest(path) && path !== 'test/contract/auditActions.test.ts',
  )
  const unseen = codes.filter((each) => {
    const wanted = each.replace('*', '')
    return !tests.some(({ text }) => text.includes(`'${wanted}`) || text.includes(` ${wanted}`))
  })
  expect(unseen).toEqual([])
})
