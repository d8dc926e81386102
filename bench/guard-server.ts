/** The listener of `guard`: the same protocol twice, with every check that a node makes, and with none. */

import { echoModel } from '../capabilities/engines/echo.ts'
import { Registry } from '../capabilities/serving/registry.ts'
import { systemClock as clock } from '../interface/clock.ts'
import { INFERENCE_PROTOCOL, InferenceHandler } from '../protocols/inference/index.ts'
import { UNGUARDED_PROTOCOL } from './guard.ts'
import { announce } from './harness.ts'
import { meshGuard } from './mesh-guard.ts'
import { createPeer } from './peers.ts'

/** None of the calls in flight waits for a slot. */
const ECHO_SLOTS = 256

const log = { debug() {}, info() {}, warn: console.warn, error: console.error }
const service = new Registry({
  clock,
  log,
  random: Math.random,
  models: [echoModel({ clock }, 'echo', ECHO_SLOTS)]
})
const { guard, authorize, admit } = await meshGuard(log)
const peer = await createPeer(['/ip4/127.0.0.1/tcp/0'])

const guarded = new InferenceHandler({ service, clock, log, authorize })
const serve = guard.handler(guarded.onStream)
await peer.handle(INFERENCE_PROTOCOL, async (stream, connection) => {
  // Whoever comes is made a member, so that each of its requests goes the whole way.
  await admit(connection.remotePeer.toString())
  await serve(stream, connection)
})
await peer.handle(UNGUARDED_PROTOCOL, new InferenceHandler({ service, clock, log }).onStream)

announce(peer.getMultiaddrs().map(String))
