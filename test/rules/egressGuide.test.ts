import { expect, test } from 'vitest'
import {
  createClouds,
  graphDestination,
  loginDestination,
} from '../../src/connectors/microsoft/clouds.ts'
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
