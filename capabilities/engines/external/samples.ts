/** What a check asks a program: the smallest input of each task that has one by itself. */

import { crc32, deflateSync } from 'node:zlib'
import { definitionOf, type TaskName } from '../../../interface/tasks/index.ts'

const TEXT = 'Good morning.'
/** Of both sides, all of one grey. */
const PICTURE_PIXELS = 32
const SAMPLE_RATE = 16_000

/** Undefined for a task whose input is no single text or file: its person has to give one. */
export function sampleOf(task: TaskName): unknown {
  const { argument } = definitionOf(task)
  if (argument.from === 'text') return argument.input(TEXT)
  if (argument.from === 'json') return undefined
  // Face verification compares two.
  if (argument.from === 'files') return argument.input([picture(), picture()])
  const [field = ''] = Object.keys(argument.input('') as object)
  return argument.input(field === 'audio' ? silence() : picture())
}

/** A second of silence, as a WAV file. */
function silence(): Buffer {
  const file = Buffer.alloc(44 + 2 * SAMPLE_RATE)
  file.write('RIFF')
  file.writeUInt32LE(file.length - 8, 4)
  file.write('WAVEfmt ', 8)
  for (const [at, value] of [
    [16, 16],
    [24, SAMPLE_RATE],
    [28, 2 * SAMPLE_RATE],
    [40, 2 * SAMPLE_RATE]
  ] as const) {
    file.writeUInt32LE(value, at)
  }
  for (const [at, value] of [
    [20, 1],
    [22, 1],
    [32, 2],
    [34, 16]
  ] as const)
    file.writeUInt16LE(value, at)
  file.write('data', 36)
  return file
}

/** A PNG file of grey pixels. */
function picture(): Buffer {
  const head = Buffer.alloc(13)
  head.writeUInt32BE(PICTURE_PIXELS, 0)
  head.writeUInt32BE(PICTURE_PIXELS, 4)
  head[8] = 8
  const row = Buffer.concat([Buffer.from([0]), Buffer.alloc(PICTURE_PIXELS, 0x80)])
  const pixels = deflateSync(Buffer.concat(Array<Buffer>(PICTURE_PIXELS).fill(row)))
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([
    signature,
    pngChunk('IHDR', head),
    pngChunk('IDAT', pixels),
    pngChunk('IEND', Buffer.alloc(0))
  ])
}

function pngChunk(type: string, data: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type), data])
  const chunk = Buffer.alloc(typed.length + 8)
  chunk.writeUInt32BE(data.length, 0)
  chunk.set(typed, 4)
  chunk.writeUInt32BE(crc32(typed), typed.length + 4)
  return chunk
}
