/** What discovery on the local network saw and did, as `doctor` and other programs read it. */

import * as z from 'zod'

/** One network interface in one family. */
export const DiscoveryLink = z.strictObject({
  name: z.string(),
  family: z.enum(['ipv4', 'ipv6']),
  /** The interface of this device alone. */
  loopback: z.boolean(),
  /**
   * `asking`: peers are looked for on it. `tunnel`: not asked on, because a tunnel carries no multicast.
   * `port-taken`: another program holds UDP port 5353. `failed`: the system refuses, see `error`. `new`: not asked yet.
   */
  state: z.enum(['new', 'asking', 'tunnel', 'port-taken', 'failed']),
  /** How long ago a question or answer last left, and a packet of another device arrived; null when none did. */
  sentAgoMs: z.number().nullable(),
  heardAgoMs: z.number().nullable(),
  /** Code of the system for the last packet that could not leave; null when it could. */
  error: z.string().nullable()
})
export type DiscoveryLink = z.infer<typeof DiscoveryLink>

/** `dialing`: no answer yet, since then. `timeout`: no packet came back, as behind a firewall. `refused`: the device is there and the port is closed. */
export const DialOutcome = z.enum(['dialing', 'connected', 'timeout', 'refused', 'unreachable', 'failed'])
export type DialOutcome = z.infer<typeof DialOutcome>

/** A peer that answered on the local network. Its addresses are a claim of any device there. */
const DiscoverySighting = z.strictObject({
  peerId: z.string(),
  /** Name of the member; null when it is none. */
  name: z.string().nullable(),
  /** The other mesh that the device belongs to; null when none is known. */
  mesh: z.string().nullable(),
  address: z.string(),
  link: z.string(),
  seenAgoMs: z.number(),
  connected: z.boolean(),
  /** How this node's last dial of it ended; null when there was none. */
  dial: z.strictObject({ outcome: DialOutcome, agoMs: z.number() }).nullable()
})

export const DiscoveryReport = z.strictObject({
  /** False when the settings turn discovery off. */
  mdns: z.boolean(),
  links: z.array(DiscoveryLink),
  sightings: z.array(DiscoverySighting),
  /** A device that answers with this device's own key, if one was seen. */
  copy: z.strictObject({ address: z.string(), link: z.string(), seenAgoMs: z.number() }).nullable()
})
export type DiscoveryReport = z.infer<typeof DiscoveryReport>
