import { BlockList, isIP } from 'node:net'
import { badInput } from '../core/errors.ts'

/**
 * A predicate: whether an address lies in one of the ranges (CIDR, or a single address). An IPv4
 * address may come as IPv6 has it (`::ffff:10.0.0.1`). Throws `bad-input` naming `field`.
 */
export function createRangeCheck(
  field: string,
  ranges: readonly string[],
): (address: string) => boolean {
  const list = new BlockList()
  for (const range of ranges) {
    const [network = '', bits, ...rest] = range.split('/')
    const version = isIP(network)
    const longest = version === 6 ? 128 : 32
    const length = Number(bits ?? longest)
    if (version === 0 || !(length >= 0 && length <= longest) || rest.length > 0) {
      throw badInput(field, `must be ranges such as 10.1.0.0/16, not ${range}`)
    }
    list.addSubnet(network, length, version === 6 ? 'ipv6' : 'ipv4')
  }
  return (address) => {
    const plain = /^::ffff:([\d.]+)$/i.exec(address)?.[1] ?? address
    const version = isIP(plain)
    return version !== 0 && list.check(plain, version === 6 ? 'ipv6' : 'ipv4')
  }
}
