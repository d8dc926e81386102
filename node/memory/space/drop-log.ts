/** When envelopes leave the log for which a checkpoint stands. */

import * as z from 'zod'
import { Bytes } from '../../../protocols/memory/shapes.ts'
import { decodeControl, encodeControl } from '../../../protocols/wire/control.ts'
import type { Head } from '../types.ts'
import type { Bases } from './bases.ts'
import type { Parts } from './parts.ts'
import { atLeast, rightIn } from './rights.ts'
import type { Space } from './space.ts'

/** A device that was away longer gets a checkpoint, not each envelope. */
const SILENT_MS_MAX = 30 * 24 * 3600 * 1000
const HeadsWire = z.array(z.tuple([z.string(), z.string(), z.int(), Bytes]))

/**
 * Those that each device has which was here lately. A device that keeps the newest part waits for none, nor does one that needs
 * the room (`all`): the checkpoint has what is in them.
 */
export function dropLog(parts: Parts, bases: Bases, space: Space, all = false): void {
  const { log } = parts
  const base = bases.of(space)
  if (base === null) return
  const waited = all ? [] : statedLately(parts, space)
  space.keepsCovered = false
  for (const writer of space.writers.values()) {
    const covered = base.seqs.get(writer.name) ?? 0
    const upTo = Math.min(covered, ...waited.map(heads => heads.get(writer.name) ?? 0))
    space.keepsCovered ||= upTo < covered
    if (upTo > 0) log.dropUpTo(writer.id, upTo)
  }
  log.giveBack()
  space.weigh()
}

function statedLately({ spaces, mesh, clock }: Parts, space: Space): ReadonlyMap<string, number>[] {
  const since = clock.wallMs() - SILENT_MS_MAX
  return (space.part === 'newest' ? [] : spaces.acknowledged(space.row))
    .filter(
      ({ device, atMs }) => atMs > since && atLeast(rightIn(space.charter.charter, device, mesh), 'read')
    )
    .map(({ heads }) => new Map(decodeControl(HeadsWire, heads).map(([d, l, seq]) => [`${d}.${l}`, seq])))
}

/** This device has stated that it has all up to these heads. */
export function acknowledge(
  parts: Parts,
  bases: Bases,
  space: Space,
  device: string,
  heads: readonly Head[]
): void {
  const wire = heads.map(({ writer: { device, life }, seq, hash }) => [device, life, seq, hash])
  parts.spaces.acknowledge(space.row, device, parts.clock.wallMs(), encodeControl(wire))
  dropLog(parts, bases, space)
}
