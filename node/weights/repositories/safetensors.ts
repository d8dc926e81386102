/**
 * The head of a safetensors file: what it says lies inside of the file, side by side, each as long as its shape. The
 * file comes from anywhere, and programs map it into memory by this head.
 */

import type { FileHandle } from 'node:fs/promises'
import { weightsInvalid } from '../origins/origin.ts'

/**
 * The format allows 100 MB. Heads of today have 3 MB at most; more would hold up the thread of the network while it is
 * read.
 */
const HEAD_BYTES_MAX = 16 * 1024 * 1024
const LENGTH_BYTES = 8
/** Bits of one number. */
const DTYPES: Readonly<Record<string, number>> = {
  ...{ BOOL: 8, U8: 8, I8: 8, F8_E5M2: 8, F8_E4M3: 8, F8_E8M0: 8, F8_E4M3FNUZ: 8, F8_E5M2FNUZ: 8 },
  ...{ F4: 4, F6_E2M3: 6, F6_E3M2: 6 },
  ...{ U16: 16, I16: 16, F16: 16, BF16: 16 },
  ...{ U32: 32, I32: 32, F32: 32 },
  ...{ U64: 64, I64: 64, F64: 64, C64: 64 }
}

/** @throws {LumosError} `WEIGHTS_INVALID`, saying what is wrong. */
export async function checkSafetensors(file: FileHandle, bytes: number): Promise<void> {
  const length = Buffer.alloc(LENGTH_BYTES)
  if (bytes < LENGTH_BYTES || (await file.read(length, 0, LENGTH_BYTES, 0)).bytesRead < LENGTH_BYTES)
    throw weightsInvalid('It is no safetensors file: it has no head')
  const headBytes = length.readBigUInt64LE()
  if (headBytes > BigInt(bytes - LENGTH_BYTES))
    throw weightsInvalid(`It is no safetensors file, or cut: its head would have ${headBytes} bytes`)
  if (headBytes > HEAD_BYTES_MAX)
    throw weightsInvalid(`Its head has ${headBytes} bytes; the limit is ${HEAD_BYTES_MAX}`)
  const head = Buffer.alloc(Number(headBytes))
  await file.read(head, 0, head.length, LENGTH_BYTES)
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(head))
  } catch (err) {
    throw weightsInvalid('Its head is no JSON', { cause: err })
  }
  if (!isRecord(json)) throw weightsInvalid('Its head is no list of tensors')
  checkTensors(json, bytes - LENGTH_BYTES - head.length)
}

type Head = Readonly<Record<string, unknown>>

function checkTensors(head: Head, dataBytes: number): void {
  const ranges: (readonly [begin: number, end: number, name: string])[] = []
  for (const [name, tensor] of Object.entries(head)) {
    if (name === '__metadata__') continue
    const shown = JSON.stringify(name.slice(0, 120))
    if (!isRecord(tensor)) throw weightsInvalid(`The tensor ${shown} has no description`)
    const { dtype, shape, data_offsets: offsets } = tensor
    if (!isCounts(shape) || !isCounts(offsets) || offsets.length !== 2 || typeof dtype !== 'string')
      throw weightsInvalid(`The tensor ${shown} lacks its dtype, shape or data_offsets`)
    const [begin, end] = offsets as [number, number]
    if (begin > end || end > dataBytes)
      throw weightsInvalid(
        `The tensor ${shown} lies at ${begin} to ${end}, and the file has ${dataBytes} bytes of weights`
      )
    const bits = Object.hasOwn(DTYPES, dtype) ? DTYPES[dtype] : undefined
    const size = bits && (shape.reduce((product, side) => product * side, 1) * bits) / 8
    if (size !== undefined && size !== end - begin)
      throw weightsInvalid(`The tensor ${shown} has ${end - begin} bytes, and its shape makes ${size}`)
    ranges.push([begin, end, shown])
  }
  let at = 0
  for (const [begin, end, name] of ranges.toSorted((a, b) => a[0] - b[0] || a[1] - b[1])) {
    if (begin < at) throw weightsInvalid(`The tensor ${name} begins at ${begin}, inside of another one`)
    if (begin > at) throw weightsInvalid(`The bytes ${at} to ${begin} belong to no tensor`)
    at = end
  }
  if (at !== dataBytes) throw weightsInvalid(`The bytes ${at} to ${dataBytes} belong to no tensor`)
}

const isRecord = (value: unknown): value is Head =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every(count => Number.isSafeInteger(count) && count >= 0)
