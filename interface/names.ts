/** The form of names that travel: safe in a terminal, a shell, a log and a path. */

import * as z from 'zod'

/** In UTF-16 units. */
export const WIRE_NAME_CHARS_MAX = 63
/** Marks on one letter: Tibetan and Vietnamese need four. More of them draw over the lines around the name. */
const MARKS_MAX = 4
/** Code points that show nothing, Hangul fillers and joiners among them. Some count as letters or marks. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu
const SURPLUS_MARKS = new RegExp(`(\\p{M}{${MARKS_MAX}})\\p{M}+`, 'gu')
const SEEN = '(?!\\p{Default_Ignorable_Code_Point})'
const LETTER = `${SEEN}[\\p{L}\\p{N}](?:${SEEN}\\p{M}){0,${MARKS_MAX}}`

/** One form for names that look the same: two that differ in nothing that can be seen are one name. */
export const visibleName = (text: string): string =>
  text.normalize('NFC').replace(INVISIBLE, '').replace(SURPLUS_MARKS, '$1')

/**
 * A name as it comes over the wire: printable, no spaces at the ends, no control characters. Earlier versions gave out
 * names with invisible letters, and names of a PeerId's form: the former are left out when the name is read,
 * and the latter are no PeerIds.
 */
export const WireName = z
  .string()
  .min(1)
  .max(WIRE_NAME_CHARS_MAX)
  .regex(
    /^[\p{L}\p{N}](?:[\p{L}\p{N}\p{M} ._'-]*[\p{L}\p{N}\p{M}])?$/u,
    "letters, digits, space and ._'- only"
  )
  .overwrite(name => visibleName(name) || 'unnamed')

/** Every text form of a PeerId, of any kind of key: base58 of its hash, or a CID in base36 or base32. */
const PEER_ID =
  /^(?:1[1-9A-HJ-NP-Za-km-z]{40,}|Qm[1-9A-HJ-NP-Za-km-z]{40,}|k[0-9a-z]{50,}|bafz[a-z2-7]{40,})$/

/** Whether `text` has the form of a PeerId, and so means one device by its key and never by its name. */
export const looksLikePeerId = (text: string): boolean => PEER_ID.test(text)

/** The shaping of some scripts, which a name does without. */
const JOINERS = /[\u200c\u200d]/g

/**
 * A name that this version gives out, in any script: it cannot be taken for a device's PeerId, and holds nothing that
 * is not seen. Emoji are none, because their sequences hold code points that are not seen.
 */
export const DeviceName = z
  .string()
  .overwrite(name => name.normalize('NFC').replace(JOINERS, ''))
  .min(1)
  .max(WIRE_NAME_CHARS_MAX)
  .regex(new RegExp(`^${LETTER}(?:[ ._'-]*${LETTER})*$`, 'u'), "letters, digits, space and ._'- only")
  .refine(name => !looksLikePeerId(name), { error: 'a name must not have the form of a PeerId' })

/** What `called` means among `all`: a PeerId means the device that has the key, anything else a name. */
export const thoseCalled = <D extends { readonly peerId: string; readonly name: string }>(
  all: readonly D[],
  called: string
): D[] => {
  if (looksLikePeerId(called)) return all.filter(({ peerId }) => peerId === called)
  const wanted = visibleName(called)
  return all.filter(({ name }) => name === wanted)
}

/** Model ids hold `/` and `:` (`org/name:tag`), nothing that a shell or a terminal would act on. */
export const ModelId = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$/, 'letters, digits and ._:/@+- only')
