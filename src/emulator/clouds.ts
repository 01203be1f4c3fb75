/**
 * Microsoft's national clouds: each has its own sign-in, its own services and its own tenants. What
 * is good in one is unknown in the others.
 */
export const cloudNames = ['global', 'usGov', 'usGovDoD', 'china'] as const

export type CloudName = (typeof cloudNames)[number]

export interface Cloud {
  loginHosts: readonly [string, ...string[]]
  graphHost: string
  /** Names Exchange's tokens are asked for by. */
  exchangeAudiences: readonly string[]
  /** Who issues its version 1 tokens. */
  tokenIssuer: string
  /** Further words of its discovery document. */
  instance: string
  graphWindowsHost: string
  region: string
}

const usGovernment = {
  loginHosts: ['login.microsoftonline.us', 'login.usgovcloudapi.net'],
  tokenIssuer: 'https://sts.windows.net',
  instance: 'microsoftonline.us',
  graphWindowsHost: 'graph.windows.net',
  region: 'USGov',
} as const

export const clouds: Readonly<Record<CloudName, Cloud>> = {
  global: {
    loginHosts: ['login.microsoftonline.com', 'login.windows.net', 'login.microsoft.com'],
    graphHost: 'graph.microsoft.com',
    exchangeAudiences: ['https://outlook.office365.com', 'https://outlook.office.com'],
    tokenIssuer: 'https://sts.windows.net',
    instance: 'microsoftonline.com',
    graphWindowsHost: 'graph.windows.net',
    region: 'EU',
  },
  usGov: {
    ...usGovernment,
    graphHost: 'graph.microsoft.us',
    exchangeAudiences: ['https://outlook.office365.us'],
  },
  usGovDoD: {
    ...usGovernment,
    graphHost: 'dod-graph.microsoft.us',
    exchangeAudiences: ['https://outlook-dod.office365.us'],
  },
  china: {
    loginHosts: ['login.partner.microsoftonline.cn', 'login.chinacloudapi.cn'],
    graphHost: 'microsoftgraph.chinacloudapi.cn',
    exchangeAudiences: ['https://partner.outlook.cn'],
    tokenIssuer: 'https://sts.chinacloudapi.cn',
    instance: 'partner.microsoftonline.cn',
    graphWindowsHost: 'graph.chinacloudapi.cn',
    region: 'AS',
  },
}

export const loginHosts: readonly string[] = [
  ...new Set(cloudNames.flatMap((name) => clouds[name].loginHosts)),
]
export const graphHosts: readonly string[] = cloudNames.map((name) => clouds[name].graphHost)

/** Without its port, in small letters. */
export function bareHost(host: string): string {
  return host.replace(/:\d+$/, '').toLowerCase()
}

/** Whether a host serves a cloud; a name that is none of Microsoft's serves all of them. */
export function serves(host: string, cloud: CloudName): boolean {
  const name = bareHost(host)
  if (loginHosts.includes(name)) return clouds[cloud].loginHosts.includes(name)
  return !graphHosts.includes(name) || clouds[cloud].graphHost === name
}
