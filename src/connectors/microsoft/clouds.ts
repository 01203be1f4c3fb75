import { AppError } from '../../core/errors.ts'
import type { Destination } from '../../net/destination.ts'

/**
 * One of Microsoft's separate clouds, or an emulated one. Built in or named in the server's own
 * configuration; never taken from what a user types, for credentials go to `login` and tokens to
 * `graph`.
 */
export interface Cloud {
  name: string
  /** Origin of the sign-in service. */
  login: string
  /** Origin of Graph. */
  graph: string
  /** What a token for Graph is asked for. */
  scope: string
  ca?: string
  allowedAddresses?: readonly string[]
}

function cloud(name: string, login: string, graph: string): Cloud {
  return { name, login, graph, scope: `${graph}/.default` }
}

/** National clouds as listed in Graph's deployment page (learn.microsoft.com/graph/deployments). */
const builtIn: readonly Cloud[] = [
  cloud('global', 'https://login.microsoftonline.com', 'https://graph.microsoft.com'),
  cloud('usGov', 'https://login.microsoftonline.us', 'https://graph.microsoft.us'),
  cloud('usGovDoD', 'https://login.microsoftonline.us', 'https://dod-graph.microsoft.us'),
  cloud(
    'china',
    'https://login.partner.microsoftonline.cn',
    'https://microsoftgraph.chinacloudapi.cn',
  ),
]

export type Clouds = ReadonlyMap<string, Cloud>

/** The clouds of this server. One configured under a built-in name takes its place. */
export function createClouds(configured: readonly Cloud[]): Clouds {
  return new Map([...builtIn, ...configured].map((each) => [each.name, each]))
}

export function cloudNamed(clouds: Clouds, name: string): Cloud {
  const found = clouds.get(name)
  if (found === undefined) {
    throw new AppError(
      'bad-input',
      `There is no cloud ${name}; use ${[...clouds.keys()].join(', ')}.`,
      {
        fields: [{ field: 'cloud', problem: 'is not known' }],
      },
    )
  }
  return found
}

/** Where credentials go, and nothing else. */
export function loginDestination(cloud: Cloud): Destination {
  return destination(cloud, cloud.login)
}

/** Where tokens go, and nothing else. */
export function graphDestination(cloud: Cloud): Destination {
  return destination(cloud, cloud.graph)
}

function destination({ ca, allowedAddresses }: Cloud, origin: string): Destination {
  return {
    origins: [origin],
    ...(ca === undefined ? {} : { ca }),
    ...(allowedAddresses === undefined ? {} : { allowedAddresses }),
  }
}
