import { describe, expect, it } from 'vitest'
import { createAddressCheck } from './addresses.ts'

const refusedByDefault = [
  '0.0.0.0',
  '0.1.2.3',
  '10.0.0.1',
  '100.64.0.1',
  '100.100.100.200',
  '127.0.0.1',
  '127.255.255.254',
  '168.63.129.16',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.192',
  '192.168.1.1',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::ffff:127.0.0.1',
  '::ffff:8.8.8.8',
  '::127.0.0.1',
  '64:ff9b::7f00:1',
  'fc00::1',
  'fd00:ec2::254',
  'fe80::1',
  'fe80::1%eth0',
  'fec0::1',
  'ff02::1',
  '2001::1',
  '2001:db8::1',
  '2002:7f00:1::',
  '3fff::1',
]
const publicAddresses = ['8.8.8.8', '20.190.128.1', '172.32.0.1', '100.128.0.1', '2603:1006::1']

describe('address check', () => {
  it.each(refusedByDefault)('refuses %s', (address) => {
    expect(createAddressCheck([])(address)).toBe(false)
  })

  it.each(publicAddresses)('lets %s through', (address) => {
    expect(createAddressCheck([])(address)).toBe(true)
  })

  it.each(['', 'localhost', '127.1', '2130706433', '0x7f.1', '1.2.3.4 '])(
    'refuses %j, which is no address in its normal form',
    (address) => {
      expect(createAddressCheck(['0.0.0.0/0', '::/0'])(address)).toBe(false)
    },
  )

  it('opens what a destination names, and nothing beside it', () => {
    const check = createAddressCheck(['10.1.0.0/16', 'fd12::/16', '127.0.0.1/32'])
    expect(['10.1.255.1', 'fd12::9', '127.0.0.1'].map(check)).toEqual([true, true, true])
    expect(['10.2.0.1', 'fd13::9', '127.0.0.2', '::1'].map(check)).toEqual(
      Array.from({ length: 4 }, () => false),
    )
  })

  it.each(['10.0.0.0', '10.0.0.0/33', '10.0.0.0/-1', 'fd00::/129', 'host/8', '10.0.0.0/8/8', '/8'])(
    'says that %j is not a range',
    (range) => {
      expect(() => createAddressCheck([range])).toThrow(/must be ranges/)
    },
  )
})
