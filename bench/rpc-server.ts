/** The listener of `rpc`: the inference protocol with the real registry behind it, and what it is compared with. */

import { echoModel } from '../capabilities/engines/echo.ts'
import { Registry } from '../capabilities/serving/registry.ts'
import { systemClock } from '../interface/clock.ts'
import { EVERY_MEMBER } from '../node/membership/policy.ts'
import { INFERENCE_PROTOCOL, InferenceHandler } from '../protocols/inference/index.ts'
import { announce } from './harness.ts'
import { meshGuard } from './mesh-guard.ts'
import { createPeer } from './peers.ts'
import { serveGrpc, serveHttp, serveTls } from './rpc-others.ts'
import { selfSigned } from './self-signed.ts'

/** None of the calls in flight waits for a slot: the protocol is measured, not the queue. */
const ECHO_SLOTS = 256

const clock = systemClock
const log = { debug() {}, info() {}, warn: console.warn, error: console.error }
const service = new Registry({
  clock,
  log,
  random: Math.random,
  models: [echoModel({ clock }, 'echo', ECHO_SLOTS)]
})
const { guard, authorize, admit } = await meshGuard(log)
const handler = new InferenceHandler({ service, clock, log, authorize })
const peer = await createPeer(['/ip4/127.0.0.1/tcp/0'])
const serve = guard.handler(INFERENCE_PROTOCOL, EVERY_MEMBER, handler.onStream)
await peer.handle(INFERENCE_PROTOCOL, async (stream, connection) => {
  // Whoever comes is made a member, so that each of its requests goes the whole way.
  await admit(connection.remotePeer.toString())
  await serve(stream, connection)
})

const identity = selfSigned()

announce({
  lumos: peer.getMultiaddrs().map(String),
  grpc: await serveGrpc(),
  grpcTls: await serveGrpc(identity),
  identity,
  http: await serveHttp(),
  tls: await serveTls()
})
