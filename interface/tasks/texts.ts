/** The texts that one request of a task is about. */

import * as z from 'zod'
import { Text } from './messages.ts'

/** All texts of a request together: a batch is a request, not a corpus. */
const TEXTS_CHARS_MAX = 8 * 1024 * 1024

export const charsOf = (texts: readonly string[]): number =>
  texts.reduce((sum, { length }) => sum + length, 0)

/** At least one text. */
export const textsUpTo = (most: number) =>
  z
    .array(Text)
    .min(1)
    .max(most)
    .refine(texts => charsOf(texts) <= TEXTS_CHARS_MAX, {
      error: `more than ${TEXTS_CHARS_MAX} characters together`
    })
