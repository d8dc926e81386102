/** Connections of a listener that are too many. */

import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { describe, it, onTestFinished } from 'vitest'
import { Connections } from '../../gateway/crowd.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'

async function listening(limits: { served: number; refused: number }) {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const clock = new ManualClock()
  const connections = new Connections(server, clock, {
    ...{ ofAddress: 1, ofToken: 1, unprovenMs: 1000 },
    ...limits
  })
  const held: Socket[] = []
  onTestFinished(() => {
    for (const socket of held) socket.destroy()
    server.close()
  })
  const open = async (): Promise<Socket> => {
    const taken = once(server, 'connection')
    held.push(connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {}))
    return (await taken)[0]
  }
  return { clock, connections, open }
}

describe('connections', () => {
  it('that came while there was room are served, however many come after', async () => {
    const { connections, open } = await listening({ served: 2, refused: 2 })
    const sockets = [await open(), await open(), await open(), await open()]
    assert.deepEqual(
      sockets.map(socket => connections.isSurplus(socket)),
      [false, false, true, true]
    )
    await open()
    assert.deepEqual(
      sockets.map(({ destroyed }) => destroyed),
      [false, false, true, false]
    )
    sockets[0]!.destroy()
    await once(sockets[0]!, 'close')
    assert.equal(connections.isSurplus(await open()), false)
  })

  it('without a token make room for a new one after a second, and those with one never', async () => {
    const { clock, connections, open } = await listening({ served: 2, refused: 2 })
    const [kept, silent] = [await open(), await open()]
    connections.keep(kept)
    assert.equal(connections.isSurplus(await open()), true)
    clock.advance(1000)
    const next = await open()
    assert.deepEqual([silent.destroyed, kept.destroyed, connections.isSurplus(next)], [true, false, false])
    connections.keep(next)
    clock.advance(5000)
    assert.equal(connections.isSurplus(await open()), true)
    assert.equal(kept.destroyed || next.destroyed, false)
  })

  it('of one other device are counted by its address, and forgotten as they end', () => {
    const server = new EventEmitter()
    new Connections(server as Server, new ManualClock(), {
      served: 1000,
      refused: 0,
      ofAddress: 2,
      ofToken: 1,
      unprovenMs: 1
    })
    const from = (remoteAddress: string) => {
      const socket = Object.assign(new EventEmitter(), { remoteAddress, destroyed: false, destroy })
      server.emit('connection', socket)
      return socket
    }
    function destroy(this: { destroyed: boolean }) {
      this.destroyed = true
    }
    const opened = ['10.0.0.1', '10.0.0.1', '10.0.0.1', '10.0.0.2', ...Array(9).fill('127.0.0.1')].map(from)
    assert.deepEqual(
      opened.map(({ destroyed }) => destroyed),
      [false, false, true, ...Array(10).fill(false)]
    )
    opened[0]!.emit('close')
    assert.deepEqual([from('10.0.0.1').destroyed, from('10.0.0.1').destroyed], [false, true])
  })

  it('on which one named token was shown are so many at most, and those of others are none of them', () => {
    const limits = { served: 9, refused: 0, ofAddress: 9, ofToken: 2, unprovenMs: 1 }
    const server = new EventEmitter()
    const connections = new Connections(server as Server, new ManualClock(), limits)
    const open = () => {
      const socket = Object.assign(new EventEmitter(), { remoteAddress: '127.0.0.1' }) as unknown as Socket
      server.emit('connection', socket)
      return socket
    }
    const [first, second, third] = [open(), open(), open()]
    const kept = (...asked: [Socket, string?][]) =>
      asked.map(([socket, token]) => connections.keep(socket, token))
    // The second request on one connection takes no other place.
    assert.deepEqual(kept([first, 'a'], [first, 'a'], [second, 'a'], [third, 'a']), [true, true, true, false])
    assert.deepEqual(kept([third, 'b'], [third], [open()], [open(), 'a']), [true, true, true, false])
    // A proxy shows the tokens of several programs on one connection: the last one counts.
    assert.deepEqual(kept([second, 'b'], [open(), 'a']), [true, true])
    first.emit('close')
    assert.deepEqual(kept([open(), 'a'], [open(), 'a'], [open(), 'b']), [true, false, false])
  })
})
