/** The form of names that travel: safe in a terminal, a shell, a log and a path. */

import * as z from 'zod'

/**
 * A name as earlier versions gave it out, and as it still comes over the wire: printable, no spaces at the
 * ends, no control characters. It may have the form of a PeerId, and is no PeerId even then.
 */
export const WireName = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[\p{L}\p{N}](?:[\p{L}\p{N} ._'-]*[\p{L}\p{N}])?$/u, "letters, digits, space and ._'- only")

/** Every text form of a PeerId, of any kind of key: base58 of its hash, or a CID in base36 or base32. */
const PEER_ID =
  /^(?:1[1-9A-HJ-NP-Za-km-z]{40,}|Qm[1-9A-HJ-NP-Za-km-z]{40,}|k[0-9a-z]{50,}|bafz[a-z2-7]{40,})$/

/** Whether `text` has the form of a PeerId, and so means one device by its key and never by its name. */
export const looksLikePeerId = (text: string): boolean => PEER_ID.test(text)

/** A name that this version gives out: it cannot be taken for a device's PeerId. */
export const DeviceName = WireName.refine(name => !looksLikePeerId(name), {
  error: 'a name must not have the form of a PeerId'
})

/** What `called` means among `all`: a PeerId means the device that has the key, anything else a name. */
export const thoseCalled = <D extends { readonly peerId: string; readonly name: string }>(
  all: readonly D[],
  called: string
): D[] =>
  all.filter(looksLikePeerId(called) ? ({ peerId }) => peerId === called : ({ name }) => name === called)

/** Model ids hold `/` and `:` (`org/name:tag`), nothing that a shell or a terminal would act on. */
export const ModelId = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$/, 'letters, digits and ._:/@+- only')
