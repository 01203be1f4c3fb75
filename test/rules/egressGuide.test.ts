import { expect, test } from 'vitest'
import {
  createClouds,
  graphDestination,
  loginDestination,
} from '../../src/connectors/microsoft/clouds.ts'
import type { AddressKind } from '../../src/core/addressKind.ts'
import { parseEndpoint } from '../../src/net/endpoint.ts'
import { boundsOf, defaultRules, mayReach } from '../../src/net/policy.ts'
import { readText } from './source.ts'

const page = readText('docs/guides/egress.md')
const clouds = createClouds([])

// By Graph's page of deployments and the sign-in service's of national clouds, both at
// learn.microsoft.com: whoever opens a firewall by the guide opens it for these.
test.each([
  ['global', 'login.microsoftonline.com', 'graph.microsoft.com'],
  ['usGov', 'login.microsoftonline.us', 'graph.microsoft.us'],
  ['usGovDoD', 'login.microsoftonline.us', 'dod-graph.microsoft.us'],
  ['china', 'login.partner.microsoftonline.cn', 'microsoftgraph.chinacloudapi.cn'],
])('docs/guides/egress.md names the hosts of the cloud %s, called at TCP 443', (name, ...hosts) => {
  const cloud = clouds.get(name)
  const called = cloud && [loginDestination(cloud), graphDestination(cloud)]
  // Without a port in the address it is that of HTTPS.
  expect(called).toEqual(hosts.map((host) => ({ origins: [`https://${host}`] })))
  const cells = [name, ...hosts].map((word) => `\`${word}\``)
  expect(page).toContain(`| ${cells.join(' | ')} |\n`)
})

test('docs/guides/egress.md names every cloud there is', () => {
  const named = [...page.matchAll(/^\| `(\w+)` \| `[\w.]+` \| `[\w.-]+` \|$/gm)]
  expect(named.map(([, name]) => name)).toEqual([...clouds.keys()])
})

/** The ports a list lets through where nobody named any, of those that are of use to anybody. */
function usualPorts(kind: AddressKind, addressAt: (port: number) => string): number[] {
  const ports = [21, 22, 25, 53, 80, 389, 443, 1080, 3128, 3389, 5432, 8000, 8080, 8443, 9443]
  return ports.filter((port) => {
    const endpoint = parseEndpoint(kind, 'address', addressAt(port))
    return mayReach(endpoint, [], [boundsOf(defaultRules([]), endpoint)])
  })
}

test.each<[string, AddressKind, (port: number) => string]>([
  ["a tenant's outbound proxy", 'proxy', (port) => `http://proxy.test:${port}/`],
  ['webhooks for alerts', 'webhook', (port) => `https://hooks.test:${port}/x`],
])('docs/guides/egress.md names the usual ports of %s', (words, kind, addressAt) => {
  const [, ports = ''] = new RegExp(`^\\| ${words}[^|]* \\| ([\\d, ]+) \\|`, 'm').exec(page) ?? []
  expect(ports.split(', ').map(Number)).toEqual(usualPorts(kind, addressAt))
})

test('docs/guides/egress.md names the port of a Windows computer', () => {
  const { port } = parseEndpoint('windows-computer', 'host', 'windows.test')
  expect(page).toContain(`(\`powershell.host\`) | ${port} |`)
})
