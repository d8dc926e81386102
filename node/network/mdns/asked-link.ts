/** A link that discovery asks on, and what was done there. */

import type { Timer } from '../../../interface/clock.ts'
import type { LinkState } from '../lan-report.ts'
import type { Link } from './links.ts'

export interface Asked {
  link: Link
  /** Reported as it is. */
  readonly state: LinkState
  /** Since the link came or changed. */
  asks: number
  answeredMs: number
  answering?: Timer
}

export const newlyAsked = (link: Link): Asked => ({
  link,
  state: {
    name: link.name,
    family: link.family === 'IPv4' ? 'ipv4' : 'ipv6',
    state: link.kind === 'tunnel' ? 'tunnel' : 'new',
    loopback: link.kind === 'loopback',
    askedMs: null,
    sentMs: null,
    heardMs: null,
    error: null
  },
  asks: 0,
  answeredMs: Number.NEGATIVE_INFINITY
})
