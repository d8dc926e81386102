/** One thing that the doctor looked at. */

import * as z from 'zod'

export const Finding = z.strictObject({
  check: z.string(),
  status: z.enum(['ok', 'warn', 'fail']),
  message: z.string(),
  /** What to do about it. */
  fix: z.string().nullable(),
  /** The unit that does it, where one can; a person decides with which input. */
  unit: z.string().nullable()
})
export type Finding = z.infer<typeof Finding>

const found =
  (status: Finding['status']) =>
  (check: string, message: string, fix: string | null = null, unit: string | null = null): Finding => ({
    ...{ check, status, message, fix, unit }
  })

export const ok = (check: string, message: string): Finding => found('ok')(check, message)
export const warn: (check: string, message: string, fix: string, unit?: string) => Finding = found('warn')
export const fail: (check: string, message: string, fix: string, unit?: string) => Finding = found('fail')
