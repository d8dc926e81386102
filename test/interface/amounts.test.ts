import { expect, it } from 'vitest'
import { keepAliveMs, memoryBytes } from '../../interface/amounts.ts'

const FOR_EVER = Number.POSITIVE_INFINITY

it.each([
  [-1, FOR_EVER],
  ['-1', FOR_EVER],
  ['-1m', FOR_EVER],
  [0, 0],
  ['0', 0],
  ['-0', 0],
  ['0s', 0],
  [300, 300_000],
  ['300', 300_000],
  ['5m', 300_000],
  ['1h30m', 5_400_000],
  ['1.5s', 1500],
  ['250ms', 250],
  ['24h', 86_400_000],
  ['9999h', FOR_EVER],
  ['five minutes', undefined],
  ['5 m', undefined],
  ['', undefined],
  [Number.NaN, undefined],
  [true, undefined],
  [{}, undefined]
])('a keep-alive of %j is %s milliseconds', (value, ms) => {
  expect(keepAliveMs(value)).toBe(ms)
})

it.each([
  [1_000_000, 1_000_000],
  ['8GB', 8e9],
  ['8 GiB', 8 * 2 ** 30],
  ['512m', 512e6],
  ['1.5k', 1500],
  ['50%', 500],
  ['0', 0],
  ['101%', undefined],
  ['much', undefined],
  ['-1GB', undefined],
  ['', undefined]
])('memory of %j on a device of a thousand bytes is %s', (value, bytes) => {
  expect(memoryBytes(value, 1000)).toBe(bytes)
})
