import type { Command } from 'commander'
import { sessionRoutes } from '../../contract/session.ts'
import { type Cli, type CommonFlags, connect } from '../cli.ts'
import { noun, verb } from '../command.ts'
import { fields, print } from '../print.ts'

export function sessionCommand(cli: Cli): Command {
  const session = noun('session', 'Who you are signed in as')

  verb(session, 'show', 'who you are signed in as, and your scope').action(
    async (flags: CommonFlags) => {
      const me = await (await connect(cli, flags, { session: sessionRoutes })).session.show()
      print(cli, flags, me, () =>
        fields([
          ['id', me.id],
          ['name', me.name],
          ['scope', me.scope],
        ]),
      )
    },
  )

  return session
}
