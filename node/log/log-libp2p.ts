/**
 * libp2p's log as part of ours, at level debug: what it calls an error (a peer
 * that went away, a dial that failed) is daily life of a mesh.
 */

import { format } from 'node:util'
import type { ComponentLogger, Logger as Libp2pLogger } from '@libp2p/interface'
import type { NodeLogger } from './log.ts'

/** libp2p makes a logger for every stream, so one is little more than its name. */
export function libp2pLogger(log: NodeLogger): ComponentLogger {
  const forComponent = (component: string): Libp2pLogger => {
    // Text is made only where the level is on.
    const write = (template: unknown, ...values: unknown[]): void => {
      if (log.isLevelEnabled('debug')) log.debug({ component }, formatted(template, values))
    }
    const logger = Object.assign(write, {
      enabled: false,
      error: write,
      // Every message of every stream.
      trace: () => {},
      newScope: (name: string) => forComponent(`${component}:${name}`)
    })
    return Object.defineProperty(logger, 'enabled', { get: () => log.isLevelEnabled('debug') })
  }
  return { forComponent }
}

/** What libp2p's placeholders stand for; the rest are those of `util.format`. */
const PLACEHOLDERS: Record<string, (value: unknown) => string> = {
  // Peer ids, multiaddrs, CIDs and datastore keys know how to write themselves.
  p: String,
  a: String,
  c: String,
  k: String,
  e: value => (value instanceof Error ? `${value.name}: ${value.message}` : String(value)),
  b: value => bytesText(value),
  t: value => bytesText(value),
  m: value => bytesText(value)
}

const bytesText = (value: unknown): string =>
  value instanceof Uint8Array ? Buffer.from(value).toString('base64url') : String(value)

function formatted(template: unknown, values: readonly unknown[]): string {
  if (typeof template !== 'string') return format(PLACEHOLDERS.e!(template), ...values)

  const rest = [...values]
  let index = 0
  const plain = template.replace(/%([a-zA-Z%])/g, (placeholder, letter: string) => {
    if (letter === '%') return placeholder
    const write = PLACEHOLDERS[letter]
    const at = index++
    if (write === undefined || at >= rest.length) return placeholder
    rest[at] = write(rest[at])
    return '%s'
  })
  return format(plain, ...rest)
}
