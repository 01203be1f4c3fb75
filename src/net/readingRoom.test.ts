import { setImmediate as turn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createReadingRoom } from './readingRoom.ts'

const never = new AbortController().signal

/** Reads one answer piece by piece; tells of every piece it holds. */
async function read(
  room: ReturnType<typeof createReadingRoom>,
  pieces: number,
  tell: (bytes: number) => void,
  signal = never,
): Promise<void> {
  const reader = room.enter(signal)
  for (let piece = 0; piece < pieces; piece += 1) {
    tell(1)
    await reader.hold(1)
    await turn()
  }
  reader.leave()
  tell(-pieces)
}

// Fails when everybody may go on, or nobody who is not the first.
it('holds its bound and one whole answer, and lets all come to their end', async () => {
  const room = createReadingRoom(20)
  let held = 0
  let most = 0
  const tell = (bytes: number) => {
    held += bytes
    most = Math.max(most, held)
  }
  await Promise.all(Array.from({ length: 16 }, () => read(room, 50, tell)))
  expect(held).toBe(0)
  // Each of the others may have come with one more piece before it was told to wait.
  expect(most).toBeLessThanOrEqual(20 + 50 + 15)
})

it('leaves answers that are small together alone', async () => {
  const room = createReadingRoom(100)
  const first = room.enter(never)
  await first.hold(60)
  await room.enter(never).hold(40)
})

it('lets go of who gives up while it waits', async () => {
  const room = createReadingRoom(10)
  const giving = new AbortController()
  await room.enter(never).hold(20)
  const waiting = room.enter(giving.signal).hold(5)
  giving.abort()
  await waiting
})
