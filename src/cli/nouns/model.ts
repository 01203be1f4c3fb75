import type { Command } from 'commander'
import type { Static } from 'typebox'
import { type Model, modelRoutes } from '../../contract/resources.ts'
import { type Cli, type CommonFlags, connect } from '../cli.ts'
import { noun, verb } from '../command.ts'
import { modelPath } from '../modelPath.ts'
import { fields, print, printPage, table } from '../print.ts'

const routes = { model: modelRoutes }

export function modelCommand(cli: Cli): Command {
  const model = noun('model', 'What kinds of objects there are')

  verb(model, 'list', 'the models in force').action(async (flags: CommonFlags) => {
    const page = await (await connect(cli, flags, routes)).model.list()
    printPage(cli, flags, page, ['model', 'title', 'wire', 'changes', 'needs'], (item) => [
      item.model,
      item.title,
      item.wire,
      item.readOnly ? 'read only' : 'read, write',
      [...new Set([...item.needs.read, ...item.needs.write])].join(', '),
    ])
  })

  verb(model, 'show <model>', 'one model with its properties').action(
    async (name: string, flags: CommonFlags) => {
      const params = modelPath(name)
      const answer = await (await connect(cli, flags, routes)).model.show({ params })
      print(cli, flags, answer, () => showText(answer))
    },
  )

  return model
}

function showText(model: Static<typeof Model>): string {
  const head = fields([
    ['model', model.model],
    ['title', model.title],
    ['wire', model.wire],
    ['key', model.key],
    ['columns', model.columns.join(', ')],
    ['links', model.links.map(({ kind, to }) => `${kind} -> ${to.join(', ')}`).join('; ')],
    ['needs to read', model.needs.read.join(', ')],
    ['needs to write', model.needs.write.join(', ')],
  ])
  const rows = model.properties.map((property) => [
    property.name,
    property.many ? `${property.type}[]` : property.type,
    property.readOnly ? 'read only' : '',
    property.values?.join(' | ') ?? (property.maxLength ? `up to ${property.maxLength}` : ''),
  ])
  return `${head}\n${table(['property', 'type', '', 'values'], rows)}`
}
