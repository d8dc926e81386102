import * as z from 'zod'
import { TEXT_CHARS_MAX } from '../limits.ts'
import { Language } from './audio.ts'
import { defineTask } from './definition.ts'
import { keepAlive } from './keep-alive.ts'
import { Text } from './messages.ts'
import { charsOf } from './texts.ts'

/** Texts of one request: the paragraphs of a page, or the lines of its interface. */
const TEXTS_MAX = 1024
/** All texts together, and all of the answer. */
const CHARS_MAX = TEXT_CHARS_MAX

const tooLong = { error: `more than ${CHARS_MAX} characters together` }
const isBounded = (texts: readonly string[]): boolean => charsOf(texts) <= CHARS_MAX

export const translation = defineTask({
  name: 'translation',
  summary: 'Say texts in another language.',
  input: z.strictObject({ texts: z.array(Text).min(1).max(TEXTS_MAX).refine(isBounded, tooLong) }),
  params: z.strictObject({
    /** What the texts are in; absent: the model finds out, or knows one only. */
    from: Language.optional(),
    /** Absent: the model knows one only. */
    to: Language.optional(),
    keepAlive
  }),
  /** One for each text, in their order. */
  output: z.object({ texts: z.array(z.string()).max(TEXTS_MAX).refine(isBounded, tooLong) }),
  argument: { from: 'text', input: text => ({ texts: [text] }) },
  fits: (output, { texts }) => output.texts.length === texts.length,
  sizeOf: ({ texts }) => charsOf(texts)
})
