/** Numbers, amounts and times, as the reader's language writes them. */

import { language } from './words/index.ts'

const cache = new Map<string, Intl.NumberFormat>()
function numbers(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = language() + JSON.stringify(options)
  const format = cache.get(key) ?? new Intl.NumberFormat(language(), options)
  cache.set(key, format)
  return format
}

export const number = (value: number, digits = 0): string =>
  numbers({ maximumFractionDigits: digits }).format(value)

export const percent = (share: number): string =>
  numbers({ style: 'percent', maximumFractionDigits: 0 }).format(share)

const SIZES = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const

export function bytes(value: number): string {
  const step = value < 1 ? 0 : Math.min(SIZES.length - 1, Math.floor(Math.log10(value) / 3))
  const amount = value / 1000 ** step
  const maximumFractionDigits = step > 0 && amount < 10 ? 1 : 0
  return numbers({ style: 'unit', unit: SIZES[step]!, unitDisplay: 'short', maximumFractionDigits }).format(
    amount
  )
}

export function duration(ms: number): string {
  const [unit, value, digits] =
    ms < 1000
      ? (['millisecond', ms, ms < 10 ? 1 : 0] as const)
      : ms < 120_000
        ? (['second', ms / 1000, ms < 10_000 ? 1 : 0] as const)
        : ms < 7_200_000
          ? (['minute', ms / 60_000, 0] as const)
          : ms < 172_800_000
            ? (['hour', ms / 3_600_000, 0] as const)
            : (['day', ms / 86_400_000, 0] as const)
  return numbers({ style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: digits }).format(value)
}

export const time = (at: string | number): string =>
  new Intl.DateTimeFormat(language(), { timeStyle: 'medium' }).format(new Date(at))

export const dateTime = (at: string | number): string =>
  new Intl.DateTimeFormat(language(), { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(at))

/** Such as "3 min ago". */
export function ago(at: string | number, now = Date.now()): string {
  const s = (new Date(at).getTime() - now) / 1000
  const format = new Intl.RelativeTimeFormat(language(), { numeric: 'auto', style: 'short' })
  const size = Math.abs(s)
  if (size < 60) return format.format(Math.round(s), 'second')
  if (size < 3600) return format.format(Math.round(s / 60), 'minute')
  if (size < 86_400) return format.format(Math.round(s / 3600), 'hour')
  return format.format(Math.round(s / 86_400), 'day')
}
