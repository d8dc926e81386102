/** Where in a lab something is. */

/** Where the router is on every LAN, if there is one. */
export const ROUTER_HOST = 254

/** Where something is plugged in. */
export interface Place {
  /** Namespace of the device. */
  readonly namespace: string
  /** Namespace of the switches. */
  readonly fabric: string
  /** The switch. */
  readonly bridge: string
  /** The device's end of its cable. */
  readonly link: string
  /** The end of its cable at the switch. */
  readonly port: string
  /** The first IP address; empty when it has link-local IPv6 alone. */
  readonly address: string
  /** All that were given to it, with prefixes. */
  readonly cidrs: readonly string[]
}

/** A network of its own, behind one switch. */
export interface Lan {
  readonly bridge: string
  /** The first three numbers of its addresses. */
  readonly network: string
}
