import type { Command } from 'commander'
import { jobRoutes } from '../../contract/operations.ts'
import { type Cli, type CommonFlags, connect } from '../cli.ts'
import { noun, verb } from '../command.ts'
import { print, table } from '../print.ts'

export function jobCommand(cli: Cli): Command {
  const job = noun('job', 'What waits or runs, and who works it')

  verb(job, 'list', 'syncs and transactions under way, and the workers that live').action(
    async (flags: CommonFlags) => {
      const answer = await (await connect(cli, flags, { job: jobRoutes })).job.list()
      print(cli, flags, answer, () => {
        const jobs = answer.jobs.map(({ kind, id, tenantId, state, requestedAt }) => [
          kind,
          id,
          tenantId,
          state,
          requestedAt,
        ])
        const workers = answer.workers.map(({ id, startedAt, seenAt }) => [id, startedAt, seenAt])
        return [
          jobs.length > 0
            ? table(['job', 'id', 'tenant', 'state', 'asked for'], jobs)
            : 'no jobs\n',
          '\n',
          workers.length > 0 ? table(['worker', 'since', 'last seen'], workers) : 'no workers\n',
        ].join('')
      })
    },
  )

  return job
}
