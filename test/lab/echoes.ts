/** Datagrams that one device of the lab sends, and another sends back. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Device } from '../../lab/device.ts'
import { run } from '../../lab/system.ts'

export const DATAGRAMS = 200

export interface Echoes {
  readonly received: number
  readonly fastestMs: number
  /** The address that the other device saw. */
  readonly seenAs: string
}

/** Neighbours that look for each other's hardware address lose a few of the first. */
export const carried = ({ received }: Echoes): void =>
  assert.ok(received > 0.5 * DATAGRAMS, `${received} came back`)

/** Until nothing comes any more. */
export async function echoes(from: Device, to: Device): Promise<Echoes> {
  const server = spawn(to.through[0]!, [...to.through.slice(1), process.execPath, '-e', ECHO])
  try {
    await once(createInterface(server.stdout), 'line')
    const args = [...from.through.slice(1), process.execPath, '-e', ASK, to.address, `${DATAGRAMS}`]
    return JSON.parse((await run(from.through[0]!, args)).stdout)
  } finally {
    server.kill('SIGKILL')
  }
}

const ECHO = `
  const socket = require('node:dgram').createSocket('udp4')
  socket.on('message', (data, { address, port }) => socket.send(data + address, port, address))
  socket.bind(7, () => console.log('ready'))`

/** One datagram each 5 ms, then as much silence as no link of these tests makes. */
const ASK = `
  const [address, count] = process.argv.slice(-2)
  const socket = require('node:dgram').createSocket('udp4')
  const took = []
  let seenAs = '', sent = 0
  socket.on('error', () => {})
  socket.on('message', data => {
    const [at, as] = String(data).split(' ')
    took.push(performance.now() - Number(at))
    seenAs = as
    if (took.length === Number(count)) done()
  })
  const done = () => {
    console.log(JSON.stringify({ received: took.length, fastestMs: Math.min(...took), seenAs }))
    process.exit()
  }
  const next = () => {
    if (sent++ === Number(count)) return setTimeout(done, 500)
    socket.send(performance.now() + ' ', 7, address, () => {})
    setTimeout(next, 5)
  }
  next()`
