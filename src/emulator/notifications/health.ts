import { limits } from '../../core/limits.ts'
import type { Notifier, Sample } from './types.ts'

/** Shares of slow answers within ten minutes from which on an address waits, and gets nothing. */
const slowedShare = 0.1
const droppedShare = 0.2
/** Fewer answers than this say nothing. */
const samplesMin = 10

export function addSample({ samples }: Notifier, url: string, sample: Sample): void {
  const { host } = new URL(url)
  samples.set(host, [...recent(samples.get(host), sample.at), sample])
}

/** How the service treats an address after how long it took to answer. */
export function healthOf(
  { samples }: Notifier,
  url: string,
  now: number,
): 'good' | 'slowed' | 'dropped' {
  const known = recent(samples.get(new URL(url).host), now)
  if (known.length < samplesMin) return 'good'
  const share = known.filter(({ slow }) => slow).length / known.length
  if (share > droppedShare) return 'dropped'
  return share > slowedShare ? 'slowed' : 'good'
}

function recent(samples: readonly Sample[] = [], now: number): Sample[] {
  return samples
    .filter(({ at }) => at > now - limits.emulatorNotifyHealthMs)
    .slice(-limits.emulatorNotifySamplesMax)
}
