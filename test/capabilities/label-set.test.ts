/** Label sets come from anywhere: what NumPy writes is read, and all else is refused before it costs memory. */

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { crc32, deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { labelSetOf } from '../../capabilities/engines/pictures/label-set.ts'
import { LumosError } from '../../interface/errors.ts'

interface File {
  readonly name: string
  readonly content: Buffer
  /** What the archive says, where that is a lie. */
  readonly states?: { inflated?: number; crc?: number; method?: number; flags?: number; local?: number }
  readonly isStored?: boolean
}

/** A ZIP archive, byte by byte. */
function zipOf(...files: File[]): Buffer {
  const parts: Buffer[] = []
  const list: Buffer[] = []
  let at = 0
  for (const { name, content, states = {}, isStored = false } of files) {
    const packed = isStored ? content : deflateRawSync(content)
    const local = Buffer.alloc(30)
    local.writeUInt32LE(0x04034b50, 0)
    local.writeUInt16LE(name.length, 26)
    const entry = Buffer.alloc(46)
    entry.writeUInt32LE(0x02014b50, 0)
    entry.writeUInt16LE(states.flags ?? 0, 8)
    entry.writeUInt16LE(states.method ?? (isStored ? 0 : 8), 10)
    entry.writeUInt32LE(states.crc ?? crc32(content), 16)
    entry.writeUInt32LE(packed.length, 20)
    entry.writeUInt32LE(states.inflated ?? content.length, 24)
    entry.writeUInt16LE(name.length, 28)
    entry.writeUInt32LE(states.local ?? at, 42)
    list.push(entry, Buffer.from(name))
    parts.push(local, Buffer.from(name), packed)
    at += 30 + name.length + packed.length
  }
  const directory = Buffer.concat(list)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(files.length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(at, 16)
  return Buffer.concat([...parts, directory, end])
}

function npyOf(descr: string, shape: string, data: Buffer, fortran = 'False'): Buffer {
  const header = Buffer.from(`{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': (${shape}), }\n`)
  const head = Buffer.from('\x93NUMPY\x01\x00\0\0', 'latin1')
  head.writeUInt16LE(header.length, 8)
  return Buffer.concat([head, header, data])
}

const floats = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer)
const text = (width: number, ...texts: string[]) =>
  Buffer.from(
    Uint32Array.from(texts.flatMap(one => Array.from({ length: width }, (_, at) => one.codePointAt(at) ?? 0)))
      .buffer
  )
const VECTORS = npyOf('<f4', '2, 2', floats(3, 4, 0, 1))
const LABELS = npyOf('<U3', '2,', text(3, 'cat', 'ox'))
const vectors = (content = VECTORS, more: Partial<File> = {}): File => ({
  name: 'vecs.npy',
  content,
  ...more
})
const labels = (content = LABELS, more: Partial<File> = {}): File => ({ name: 'names.npy', content, ...more })

describe('a label set', () => {
  it('is read as NumPy writes it, deflated or stored, of full or half numbers', async () => {
    const [full, half] = await Promise.all(
      ['digits', 'digits_f16'].map(async name =>
        labelSetOf(await readFile(new URL(`../fixtures/tiny-clip/${name}.npz`, import.meta.url)))
      )
    )
    assert.deepEqual([full!.dimensions, full!.labels.length, full!.labels[0]], [32, 40, 'red zero'])
    assert.deepEqual(half!.labels, full!.labels)
    for (const [at, value] of full!.vectors.entries()) assert.ok(Math.abs(value - half!.vectors[at]!) < 1e-3)
  })

  it('has vectors of length 1, and labels in texts or whole numbers', () => {
    const { vectors: numbers, labels: names } = labelSetOf(zipOf(vectors(), labels()))
    assert.deepEqual(
      [...numbers].map(value => value.toFixed(2)),
      ['0.60', '0.80', '0.00', '1.00']
    )
    assert.deepEqual(names, ['cat', 'ox'])
    const numbered = npyOf('<i8', '2,', Buffer.from(BigInt64Array.of(7n, -1n).buffer))
    assert.deepEqual(labelSetOf(zipOf(labels(numbered), vectors())).labels, ['7', '-1'])
  })

  it('has no label that is longer than an answer may hold', () => {
    // NumPy counts code points, and an answer counts units of UTF-16.
    const long = npyOf('<U600', '2,', Buffer.from(new Uint32Array(1200).fill(0x1f600).buffer))
    assert.throws(() => labelSetOf(zipOf(vectors(), labels(long))), /a label of more than 1000 characters/)
  })

  const MIB = 1024 * 1024
  it.each<[string, () => Buffer, RegExp]>([
    ['nothing', () => Buffer.alloc(0), /no ZIP archive/],
    [
      'the first half of an archive',
      () => zipOf(vectors(), labels()).subarray(0, 120),
      /no ZIP archive, or cut/
    ],
    [
      'a file that unpacks to more than it states',
      () => zipOf(vectors(Buffer.alloc(9 * MIB), { states: { inflated: 100 } })),
      /does not unpack to the length/
    ],
    ['a file that unpacks to less', () => zipOf(vectors(VECTORS, { states: { inflated: 9999 } })), /damaged/],
    [
      'a bomb',
      () => zipOf(vectors(npyOf('<f4', `${MIB}, 2`, Buffer.alloc(8 * MIB)))),
      /grows more than 100 times/
    ],
    [
      'a file that is said to hold 3 GiB',
      () => zipOf(vectors(VECTORS, { isStored: true, states: { inflated: 3 * 1024 * MIB, method: 8 } })),
      /grows more than/
    ],
    [
      'two files of the same bytes',
      () => zipOf(vectors(), labels(LABELS, { states: { local: 0 } })),
      /share bytes/
    ],
    [
      'a file that is elsewhere than its list says',
      () => zipOf(vectors(VECTORS, { states: { local: 7 } })),
      /not where its list says/
    ],
    ['a changed byte', () => zipOf(vectors(VECTORS, { states: { crc: 1 } })), /damaged/],
    ['an encrypted file', () => zipOf(vectors(VECTORS, { states: { flags: 1 } })), /encrypted/],
    ['another way to pack', () => zipOf(vectors(VECTORS, { states: { method: 12 } })), /unknown way, 12/],
    [
      'very many files',
      () => zipOf(...Array.from({ length: 65 }, () => labels())),
      /65 files; the limit is 64/
    ],
    [
      'objects, which a reader of Python would run',
      () => zipOf(vectors(), labels(npyOf('|O', '2,', Buffer.alloc(16)))),
      /no objects/
    ],
    [
      'a shape that its bytes do not have',
      () => zipOf(vectors(npyOf('<f4', '1000000, 1000000', floats(1)))),
      /said to lie in 4 bytes/
    ],
    [
      'a shape beyond all numbers',
      () => zipOf(vectors(npyOf('<f4', `${'9'.repeat(30)}, 2`, floats(1)))),
      /no shape/
    ],
    [
      'labels by the million',
      () =>
        zipOf(vectors(), labels(npyOf('<U1', '1000001,', Buffer.alloc(4_000_004, 'é')), { isStored: true })),
      /1000001 labels; the limit/
    ],
    [
      'labels of a book',
      () => zipOf(vectors(), labels(npyOf('<U100000', '2,', Buffer.alloc(16)))),
      /100000 characters/
    ],
    [
      'a character that there is not',
      () => zipOf(vectors(), labels(npyOf('<U1', '2,', Buffer.alloc(8, 0xff)))),
      /character that there is not/
    ],
    [
      'columns',
      () => zipOf(vectors(npyOf('<f4', '2, 2', floats(1, 2, 3, 4), 'True')), labels()),
      /by columns/
    ],
    [
      'code for a head',
      () => zipOf(vectors(npyOf(`<f4', 'x': __import__('os`, '2,', floats(1, 2)))),
      /head of an array cannot be read/
    ],
    [
      'a vector that is not in numbers',
      () => zipOf(vectors(npyOf('<f4', '2, 2', floats(1, Number.NaN, 0, 1))), labels()),
      /no number/
    ],
    [
      'another number of vectors',
      () => zipOf(vectors(npyOf('<f4', '1, 2', floats(1, 2))), labels()),
      /1 vectors for 2 labels/
    ],
    [
      'two arrays of labels',
      () => zipOf(vectors(), labels(), { name: 'more.npy', content: LABELS }),
      /one array of labels/
    ],
    ['no labels', () => zipOf(vectors()), /one array of labels/]
  ])('with %s is refused', (_, make, why) => {
    assert.throws(
      () => labelSetOf(make()),
      (err: unknown) => err instanceof LumosError && err.code === 'MODEL_INVALID' && why.test(err.message)
    )
  })

  it('with any bytes changed is read or refused', () => {
    const whole = zipOf(vectors(), labels())
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 }), changes => {
        const archive = Buffer.from(whole)
        for (const [at, byte] of changes) archive[at] = byte
        try {
          labelSetOf(archive)
        } catch (err) {
          assert.ok(err instanceof LumosError, String(err))
        }
      }),
      { numRuns: 500 }
    )
  })
})
