/** What devices are called: no two members of a mesh have one name. */

import { InvalidInputError, LumosError } from '../../interface/errors.ts'
import { thoseCalled, WIRE_NAME_CHARS_MAX } from '../../interface/names.ts'

/**
 * The member that a PeerId or a name means. Two admins can give out one name at the same time, so a name may
 * mean several.
 *
 * @throws {LumosError} `PEER_NOT_FOUND`; `INVALID_INPUT` with each PeerId when the name means several.
 */
export function memberCalled<M extends { readonly peerId: string; readonly name: string }>(
  members: readonly M[],
  called: string
): M {
  const [found, ...others] = thoseCalled(members, called)
  if (found === undefined) {
    throw new LumosError('PEER_NOT_FOUND', `No member is called "${called}".`, {
      hint: 'See who is: lumos-node members'
    })
  }
  if (others.length === 0) return found
  const ids = [found, ...others].map(({ peerId }) => peerId)
  throw new InvalidInputError(`${ids.length} members are called "${called}".`, {
    hint: `Use the PeerId: ${ids.join(', ')}`
  })
}

/** Left by a cut within a character. */
const HALF_CHARACTER = /[\ud800-\udbff]$/

/** `name`, or that with the lowest number behind it which no member has. */
export function uniqueName(name: string, taken: ReadonlySet<string>): string {
  for (let n = 1; ; n++) {
    const suffix = n === 1 ? '' : `-${n}`
    const candidate = name.slice(0, WIRE_NAME_CHARS_MAX - suffix.length).replace(HALF_CHARACTER, '') + suffix
    if (!taken.has(candidate)) return candidate
  }
}
