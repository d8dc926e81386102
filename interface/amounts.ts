/** Amounts as people and other programs write them: how long, and how much memory. */

import * as z from 'zod'

/** What a timer can wait for; longer is as good as for ever. */
const KEEP_ALIVE_MS_MAX = 2 ** 31 - 1
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/
const UNIT_BYTES: Readonly<Record<string, number>> = { k: 1, m: 2, g: 3, t: 4 }
const SIZE = /^(\d+(?:\.\d+)?)\s*(?:(%)|([kmgt])?(i)?b?)$/i

/**
 * How long an unused model stays loaded, in the forms of Ollama: seconds as a number or text, `5m`, `1h30m`;
 * what is negative, such as -1 or "-1m", means for ever.
 *
 * @returns milliseconds; undefined for anything else.
 */
export function keepAliveMs(value: unknown): number | undefined {
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value.trim() : ''
  const isNegative = text.startsWith('-')
  const amount = isNegative ? text.slice(1) : text
  let ms: number
  if (/^\d+(?:\.\d+)?$/.test(amount)) ms = Number(amount) * 1000
  else if (DURATION.test(amount)) {
    ms = [...amount.matchAll(/([\d.]+)(ms|s|m|h)/g)].reduce(
      (sum, [, count, unit]) => sum + Number(count) * UNIT_MS[unit!]!,
      0
    )
  } else return undefined
  return (isNegative && ms > 0) || ms > KEEP_ALIVE_MS_MAX ? Number.POSITIVE_INFINITY : ms
}

/**
 * Bytes as a number, or as `8GB`, `8GiB`, `50%` of `totalBytes`.
 *
 * @returns undefined for anything else.
 */
export function memoryBytes(value: unknown, totalBytes: number): number | undefined {
  const [, count, percent, unit, binary] = SIZE.exec(String(value).trim()) ?? []
  if (count === undefined) return undefined
  if (percent !== undefined) return Number(count) > 100 ? undefined : (totalBytes * Number(count)) / 100
  const power = unit === undefined ? 0 : UNIT_BYTES[unit.toLowerCase()]!
  return Number(count) * (binary === undefined ? 1000 : 1024) ** power
}

export const KeepAlive = z
  .union([z.string().max(64), z.number()])
  .refine(value => keepAliveMs(value) !== undefined, {
    error: 'expected a time such as 5m, 0 or -1 for ever'
  })

export const MemorySize = z
  .union([z.string().max(64), z.number()])
  .refine(value => memoryBytes(value, 1) !== undefined, { error: 'expected memory such as 8GB or 50%' })
