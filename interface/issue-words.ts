/** What a schema says of a wrong value, in words for its caller. */

import type * as z from 'zod'

type Issue = Pick<z.core.$ZodIssue, 'message'>

/** A field that was left out is `undefined` to a schema; JSON has no such value. */
export const issueWords = ({ message }: Issue): string =>
  /received undefined$/.test(message) ? 'is missing' : message
