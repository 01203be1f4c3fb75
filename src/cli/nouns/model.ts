import type { Command } from 'commander'
import type { Static } from 'typebox'
import {
  type Model,
  type ModelComparison,
  type ModelVersion,
  modelRoutes,
} from '../../contract/models.ts'
import { allowedRows } from '../allowed.ts'
import { type Cli, type CommonFlags, connect } from '../cli.ts'
import { integer, listVerb, noun, type PageFlags, pageOf, verb } from '../command.ts'
import { escapeText } from '../escape.ts'
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

  addVersions(model, cli)
  addChanges(model, cli)
  return model
}

function addVersions(model: Command, cli: Cli): void {
  listVerb(model, 'versions <model>', 'the versions of a model, newest first').action(
    async (name: string, flags: CommonFlags & PageFlags) => {
      const input = { params: modelPath(name), query: pageOf(flags) }
      const page = await (await connect(cli, flags, routes)).model.versions(input)
      printPage(cli, flags, page, ['version', 'in force', 'origin', 'by', 'at'], (item) => [
        item.number,
        item.inForce,
        item.origin,
        item.by,
        item.at,
      ])
    },
  )

  verb(model, 'text <model> <version>', 'the file of a version, to edit and upload again').action(
    async (name: string, number: string, flags: CommonFlags) => {
      const params = { ...modelPath(name), number: integer(number) }
      const answer = await (await connect(cli, flags, routes)).model.version({ params })
      print(cli, flags, answer, () => escapeLines(answer.text))
    },
  )

  verb(model, 'diff <model> <version>', 'what a version changes of the one in force')
    .option('--against <version>', 'compare with this version instead', integer)
    .action(async (name: string, number: string, flags: CommonFlags & { against?: number }) => {
      const params = { ...modelPath(name), number: integer(number) }
      const query = flags.against === undefined ? {} : { against: flags.against }
      const answer = await (await connect(cli, flags, routes)).model.diff({ params, query })
      print(cli, flags, answer, () => diffText(answer))
    })
}

function addChanges(model: Command, cli: Cli): void {
  verb(model, 'upload <file>', 'a file as a new version; it is not in force yet').action(
    async (file: string, flags: CommonFlags) => {
      const text = new TextDecoder().decode(await cli.terminal.read(file))
      const version = await (await connect(cli, flags, routes)).model.upload({ body: { text } })
      showVersion(cli, flags, version)
    },
  )

  verb(model, 'activate <model> <version>', 'bring a version into force').action(
    async (name: string, number: string, flags: CommonFlags) => {
      const input = { params: modelPath(name), body: { number: integer(number) } }
      showVersion(cli, flags, await (await connect(cli, flags, routes)).model.activate(input))
    },
  )

  verb(model, 'rollback <model>', 'bring back the version that was in force before').action(
    async (name: string, flags: CommonFlags) => {
      const params = modelPath(name)
      showVersion(cli, flags, await (await connect(cli, flags, routes)).model.rollback({ params }))
    },
  )
}

function showVersion(cli: Cli, flags: CommonFlags, version: Static<typeof ModelVersion>): void {
  const rows: [string, string | number | boolean][] = [
    ['model', version.model],
    ['version', version.number],
    ['in force', version.inForce],
    ['origin', version.origin],
    ['by', version.by],
    ['at', version.at],
  ]
  print(cli, flags, version, () => fields(rows))
}

function diffText({ differences, consequences }: Static<typeof ModelComparison>): string {
  const rows = differences.map(({ part, before, after }) => [part, before, after])
  const nothing = differences.length === 0 ? 'no differences\n' : ''
  return [
    nothing,
    table(['part', 'before', 'after'], rows),
    ...consequences.map((one) => `${one}\n`),
  ].join('')
}

function escapeLines(text: string): string {
  return text.split('\n').map(escapeText).join('\n')
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
    ...allowedRows(model.allowed),
  ])
  const rows = model.properties.map((property) => [
    property.name,
    property.many ? `${property.type}[]` : property.type,
    property.readOnly ? 'read only' : '',
    property.values?.join(' | ') ?? (property.maxLength ? `up to ${property.maxLength}` : ''),
  ])
  return `${head}\n${table(['property', 'type', '', 'values'], rows)}`
}
