/** What is not there, and what there is in its place: a program that has mistaken a name goes on by itself. */

import { LumosError } from '../../../interface/errors.ts'
import type { DocKind } from '../../../interface/memory.ts'
import { closestNames } from '../../../interface/suggest.ts'
import { type DocName, nameOf } from './batches.ts'

/** More names than this are a list to read, and not a hint. */
const NAMED_MAX = 12

export function noSpace(ref: string, names: readonly string[] = []): LumosError {
  const all = names.length > 0 ? 'See: lumos-node memory list' : 'Make one: lumos-node memory create NAME'
  return new LumosError('MEMORY_NOT_FOUND', `There is no space ${ref} here.`, {
    hint: `${closestIn(ref, names)}${all}`
  })
}

/** @param all that the space has. */
export function noDocument(space: string, doc: string, all: readonly DocName[], kind?: DocKind): LumosError {
  const unique = [...new Set(all.map(({ name }) => nameOf(name)))].sort()
  const more = unique.length > NAMED_MAX ? ` and ${unique.length - NAMED_MAX} more` : ''
  const has = `It has: ${unique.slice(0, NAMED_MAX).join(', ')}${more}.`
  const what = kind === undefined ? `document ${doc}` : `document ${doc} of the kind ${kind}`
  return new LumosError('MEMORY_NOT_FOUND', `The space ${space} has no ${what}.`, {
    hint:
      unique.length === 0
        ? 'It has no documents yet: the first write makes one.'
        : `${closestIn(doc, unique)}${has}`
  })
}

function closestIn(name: string, names: readonly string[]): string {
  const closest = closestNames(name, names)
  return closest.length > 0 ? `Closest: ${closest.join(', ')}. ` : ''
}
