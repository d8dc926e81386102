import { once } from 'node:events'
import type { MessageStream } from '@libp2p/interface'
import { expect, it } from 'vitest'
import { ConnectionDuplex } from '../../protocols/transport/tls/duplex.ts'

/** A connection that takes what is written and is full each time, and counts who waits for it to drain. */
class FullConnection extends EventTarget {
  readonly waiting: Record<string, number> = {}
  sent = 0
  readonly readStatus = 'readable'

  override addEventListener(type: string, listener: (event: Event) => void): void {
    this.waiting[type] = (this.waiting[type] ?? 0) + 1
    super.addEventListener(type, listener)
  }
  override removeEventListener(type: string, listener: (event: Event) => void): void {
    this.waiting[type]!--
    super.removeEventListener(type, listener)
  }
  send(): boolean {
    this.sent++
    return false
  }
  pause(): void {}
  resume(): void {}
  abort(): void {}
  async close(): Promise<void> {}
}

it('waits for each drain anew, and for none that is over', async () => {
  const connection = new FullConnection()
  const duplex = new ConnectionDuplex(connection as unknown as MessageStream)
  const closeListeners = connection.waiting.close
  let failed: Error | undefined
  duplex.on('error', err => {
    failed = err
  })
  let written = 0
  for (let write = 1; write <= 3; write++) {
    duplex.write(Buffer.from('x'), err => {
      if (!err) written++
    })
    expect(connection.waiting.drain).toBe(1)
    expect(written).toBe(write - 1)
    connection.dispatchEvent(new Event('drain'))
    await new Promise(resolve => setImmediate(resolve))
    expect(written).toBe(write)
    expect(connection.waiting).toMatchObject({ drain: 0, close: closeListeners })
  }
  expect(connection.sent).toBe(3)
  expect(failed).toBe(undefined)

  duplex.write(Buffer.from('x'))
  const failing = once(duplex, 'error')
  const closed = Object.assign(new Event('close'), { error: new Error('cut') })
  connection.dispatchEvent(closed)
  await failing
  expect(connection.waiting).toMatchObject({ drain: 0, close: closeListeners })
})
