import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

/** Everything a server says to these bytes until it hangs up, or `quietMs` after its last word. */
export function exchange(url: string, bytes: string | Buffer, quietMs = 300): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname)
    let heard = ''
    let timer = setTimeout(done, 5_000)
    function done() {
      clearTimeout(timer)
      socket.destroy()
      resolve(heard)
    }
    socket.on('data', (piece) => {
      heard += piece.toString('latin1')
      clearTimeout(timer)
      timer = setTimeout(done, quietMs)
    })
    // A server that refuses early hangs up while we are still sending.
    socket.on('error', () => {})
    socket.on('close', done)
    socket.write(bytes)
  })
}

/** The statuses of all answers in what was heard. */
export function statusesIn(heard: string): number[] {
  return [...heard.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]))
}

export interface Slow {
  /** How long each connection was held, in milliseconds, once all have been hung up on. */
  held: Promise<number[]>
  open(): number
}

/** Connections that send a header's letters one per second and never come to an end. */
export function openSlowly(url: string, count: number): Slow {
  const { hostname, port } = new URL(url)
  let open = 0
  const one = () =>
    new Promise<number>((resolve) => {
      const began = performance.now()
      const socket = connect(Number(port), hostname, () => {
        open += 1
        socket.write('GET /v1/nodes HTTP/1.1\r\nHost: a\r\nX-Slow: ')
      })
      const drip = setInterval(() => socket.write('x'), 1_000)
      socket.on('error', () => {})
      socket.resume()
      socket.on('close', () => {
        clearInterval(drip)
        open -= 1
        resolve(performance.now() - began)
      })
    })
  return { held: Promise.all(Array.from({ length: count }, one)), open: () => open }
}

export async function until(holds: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 200 && !holds(); attempt++) await wait(20)
}
