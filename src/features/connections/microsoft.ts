import { graphRates } from '../../connectors/graph/rates.ts'
import { createGraphTransport, type GraphTransport } from '../../connectors/graph/transport.ts'
import type { Application } from '../../connectors/microsoft/application.ts'
import type { LogCall } from '../../connectors/microsoft/callLog.ts'
import type { Clouds } from '../../connectors/microsoft/clouds.ts'
import { createLanes, type TellPause } from '../../connectors/microsoft/lanes.ts'
import { createTokenClient, type TokenClient } from '../../connectors/microsoft/tokens.ts'
import type { Clock, Random } from '../../core/clock.ts'
import type { Priority } from '../../core/wire.ts'
import type { Egress } from '../../net/egress.ts'

/**
 * The way to Microsoft of one process: its tokens and its lanes. Tenants share it and nothing else.
 */
export interface Microsoft {
  clouds: Clouds
  tokens: TokenClient
  /** Graph for one tenant; `log` is told of every call besides the process's own log. */
  graph(application: Application, priority: Priority, log?: LogCall): GraphTransport
  /** Another process was asked to pause. */
  hearPause: TellPause
}

export interface MicrosoftDependencies {
  egress: Egress
  clouds: Clouds
  clock: Clock
  random: Random
  log: LogCall
  /** Tells the other processes of a pause this one was asked to make. */
  tellPause?: TellPause
}

export function createMicrosoft(dependencies: MicrosoftDependencies): Microsoft {
  const { egress, clouds, clock, random, log, tellPause } = dependencies
  const { exchange } = egress
  const tokens = createTokenClient({ exchange, clock, random, log })
  const lanes = createLanes(clock, { rates: () => graphRates, announce: tellPause })
  return {
    clouds,
    tokens,
    hearPause: lanes.hear,
    graph: (application, priority, alsoLog) =>
      createGraphTransport(
        {
          ...{ exchange, tokens, lanes, clock, random },
          log: (record) => {
            log(record)
            alsoLog?.(record)
          },
        },
        application,
        priority,
      ),
  }
}
