/** The form of names that travel: safe in a terminal, a shell, a log and a path. */

import * as z from 'zod'

/** A name people type and programs log: printable, no spaces at the ends, no control characters. */
export const DeviceName = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[\p{L}\p{N}](?:[\p{L}\p{N} ._'-]*[\p{L}\p{N}])?$/u, "letters, digits, space and ._'- only")

/** Model ids hold `/` and `:` (`org/name:tag`), nothing that a shell or a terminal would act on. */
export const ModelId = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$/, 'letters, digits and ._:/@+- only')
