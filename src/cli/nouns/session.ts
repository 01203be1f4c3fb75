import type { Command } from 'commander'
import { createClient } from '../../client/client.ts'
import { sessionRoutes } from '../../contract/session.ts'
import { AppError } from '../../core/errors.ts'
import { Sealed } from '../../core/secret.ts'
import { type Cli, type CommonFlags, connect } from '../cli.ts'
import { leaf } from '../command.ts'
import { fields, print } from '../print.ts'
import { readSecret } from '../secrets.ts'

const routes = { session: sessionRoutes }

interface LoginFlags extends CommonFlags {
  tokenStdin?: boolean
  browser: boolean
}

/** `login`: by browser, or with a token that was made for it. */
export function loginCommand(cli: Cli): Command {
  return leaf('login', 'sign in at a server, for all commands that follow')
    .option('--token-stdin', 'with an access token, read from standard input')
    .option('--no-browser', 'show the address to open and open nothing')
    .action(async (flags: LoginFlags) => {
      const server = await cli.signIn.server(flags)
      const token = flags.tokenStdin
        ? await readSecret(cli, '-')
        : await tokenByBrowser(cli, server, flags.browser)
      const client = createClient(routes, { ...server, token })
      const me = await client.session.show()
      await cli.signIn.keep(server.baseUrl, token)
      cli.terminal.err(`signed in at ${server.baseUrl} as ${me.name}\n`)
    })
}

type Server = Awaited<ReturnType<Cli['signIn']['server']>>

async function tokenByBrowser(cli: Cli, server: Server, open: boolean): Promise<Sealed> {
  const { code, verifier } = await cli.signIn.byBrowser(server.baseUrl, (address) => {
    cli.terminal.err(`Open this address in a browser on this machine:\n\n  ${address}\n\n`)
    return open
  })
  const client = createClient(routes, { ...server, token: undefined })
  const body = { code: code.reveal(), verifier: verifier.reveal() }
  const { token } = await client.session.exchangeCode({ body })
  return new Sealed(token)
}

/** `logout`: the token of `login` ends at the server, and is forgotten here. */
export function logoutCommand(cli: Cli): Command {
  return leaf('logout', 'sign out: end the token that login brought').action(
    async (flags: CommonFlags) => {
      const server = await cli.signIn.server(flags)
      const token = await cli.signIn.kept(server.baseUrl)
      if (token === undefined) {
        throw new AppError('sign-in-required', `You are not signed in at ${server.baseUrl}.`)
      }
      const client = createClient(routes, { ...server, token })
      // One that has ended already is nothing to keep.
      await client.session.end().catch((error: unknown) => {
        if (!(error instanceof AppError && error.code === 'sign-in-required')) throw error
      })
      await cli.signIn.forget(server.baseUrl)
      cli.terminal.err(`signed out at ${server.baseUrl}\n`)
    },
  )
}

/** `whoami`: who one is signed in as, and where. */
export function whoamiCommand(cli: Cli): Command {
  return leaf('whoami', 'who you are signed in as, and your scope').action(
    async (flags: CommonFlags) => {
      const { csrfToken: _, ...me } = await (await connect(cli, flags, routes)).session.show()
      const { baseUrl } = await cli.signIn.server(flags)
      print(cli, flags, me, () =>
        fields([
          ['id', me.id],
          ['name', me.name],
          ['scope', me.scope],
          ['server', baseUrl],
        ]),
      )
    },
  )
}
