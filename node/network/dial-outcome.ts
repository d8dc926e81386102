/** How a dial ended, in a word that tells a person where to look. */

import type { DialOutcome } from '../../interface/discovery.ts'

/** libp2p ends the dial of a silent address itself; the kernel may give it up before. */
const SILENT: ReadonlySet<string> = new Set(['TimeoutError', 'AbortError', 'ETIMEDOUT'])
const UNREACHABLE: ReadonlySet<string> = new Set([
  'EADDRNOTAVAIL',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'EINVAL',
  'ENETDOWN',
  'ENETUNREACH'
])

/** Of several addresses the most telling: one that refuses is reached, and a silent one may be behind a firewall. */
export function outcomeOf(err: unknown): DialOutcome {
  const names = (err instanceof AggregateError ? err.errors : [err]).map(({ code, name }) => code ?? name)
  if (names.includes('ECONNREFUSED')) return 'refused'
  if (names.some(name => SILENT.has(name))) return 'timeout'
  return names.some(name => UNREACHABLE.has(name)) ? 'unreachable' : 'failed'
}
