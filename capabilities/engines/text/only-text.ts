/** For models that take no pictures: a request with one is refused, and no picture is passed over. */

import { InvalidInputError } from '../../../interface/errors.ts'
import type { Message } from '../../../interface/tasks/messages.ts'

/** @throws {InvalidInputError} naming the place of the first picture. */
export function mustBeText(messages: readonly Message[]): void {
  for (const [at, { role, content }] of messages.entries()) {
    if (!Array.isArray(content)) continue
    const picture = content.findIndex(({ type }) => type === 'image')
    if (picture < 0) continue
    throw new InvalidInputError(`This model takes no pictures, and a ${role} message holds one.`, {
      details: { field: `input.messages.${at}.content.${picture}` }
    })
  }
}
