import { createGraphTransport, type GraphTransport } from '../../connectors/graph/transport.ts'
import type { Application } from '../../connectors/microsoft/application.ts'
import type { LogCall } from '../../connectors/microsoft/callLog.ts'
import type { Clouds } from '../../connectors/microsoft/clouds.ts'
import type { LaneRates, Priority } from '../../connectors/microsoft/lane.ts'
import { createLanes } from '../../connectors/microsoft/lanes.ts'
import { createTokenClient, type TokenClient } from '../../connectors/microsoft/tokens.ts'
import type { Clock, Random } from '../../core/clock.ts'
import type { Egress } from '../../net/egress.ts'

/**
 * The way to Microsoft of one process: its tokens and its lanes. Tenants share it and nothing else.
 */
export interface Microsoft {
  clouds: Clouds
  tokens: TokenClient
  /** Graph for one tenant; `log` is told of every call besides the process's own log. */
  graph(application: Application, priority: Priority, log?: LogCall): GraphTransport
}

export interface MicrosoftDependencies {
  egress: Egress
  clouds: Clouds
  clock: Clock
  random: Random
  log: LogCall
}

/**
 * What Graph grants one application in one tenant of more than 500 users: 8,000 units in 10
 * seconds (throttling limits, identity and access). The burst is the documented bucket, not the
 * 20,000 once measured: what is not documented may go.
 */
const graphRates: LaneRates = { unitsPerSecond: 800, unitsBurst: 8_000, inFlightMax: 16 }

export function createMicrosoft(dependencies: MicrosoftDependencies): Microsoft {
  const { egress, clouds, clock, random, log } = dependencies
  const { exchange } = egress
  const tokens = createTokenClient({ exchange, clock, random, log })
  const lanes = createLanes(clock, { rates: () => graphRates })
  return {
    clouds,
    tokens,
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
