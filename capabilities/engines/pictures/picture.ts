/** Pictures as pixels. They come from anywhere, so this is loaded only in an engine's own process. */

import sharp, { type Sharp } from 'sharp'
import { InvalidInputError } from '../../../interface/errors.ts'
import { checkFormat } from './format.ts'
import { Gate } from './gate.ts'

/**
 * A picture of a good phone has 50 million pixels. A file of a few kilobytes
 * may claim billions; it is refused by its header, before it is decoded.
 */
const PIXELS_MAX = 64 * 1024 * 1024

/** Pictures decoded at once: each may take 200 MB, and one is ready when the graph has done with the one before. */
const decoding = new Gate(2)

// A picture is decoded on one thread: the cores belong to the graph.
sharp.concurrency(1)
sharp.cache(false)
// Formats with a long history of safe decoding; not SVG, which runs a renderer, and not PDF.
sharp.block({ operation: ['VipsForeignLoad'] })
sharp.unblock({
  operation: [
    'VipsForeignLoadJpegBuffer',
    'VipsForeignLoadPngBuffer',
    'VipsForeignLoadWebpBuffer',
    'VipsForeignLoadNsgifBuffer'
  ]
})

/** The field of a request that has one picture. */
const IMAGE = 'input.image'

/** How a model wants its pictures. */
export interface Fitting {
  readonly width: number
  readonly height: number
  /** `fill` stretches, `cover` crops, `contain` adds borders. */
  readonly fit: 'fill' | 'cover' | 'contain'
  readonly kernel: 'linear' | 'cubic'
}

export interface PixelOptions {
  /** One that waits for its turn to be decoded leaves with it. */
  readonly signal: AbortSignal | undefined
  readonly color: 'gray' | 'rgb'
  /** What shows through where a picture is transparent. */
  readonly background: 'black' | 'white'
  /** Absent: all pixels as they are. */
  readonly fitting?: Fitting
}

/** Channel by channel for each place, row by row. */
export interface Pixels {
  readonly data: Uint8Array
  readonly width: number
  readonly height: number
}

/**
 * Decodes one picture, upright.
 *
 * @param field of the request, for errors.
 * @throws {InvalidInputError} when it is no picture, a damaged one, or too large a one.
 */
export async function pixelsOf(
  encoded: Uint8Array,
  { color, background, fitting, signal }: PixelOptions,
  field = IMAGE
): Promise<Pixels> {
  const read = async (picture: Sharp): Promise<Pixels> => {
    const upright = picture.autoOrient().flatten({ background })
    const fitted = fitting === undefined ? upright : upright.resize(fitting)
    const { data, info } = await fitted
      .toColourspace(color === 'gray' ? 'b-w' : 'srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
    return { data, width: info.width, height: info.height }
  }
  return await decoding.through(() => reading(encoded, field, read), { signal })
}

/** Of a picture, upright, by its header. */
export async function sizeOf(encoded: Uint8Array): Promise<{ width: number; height: number }> {
  return await reading(encoded, IMAGE, async picture => (await picture.metadata()).autoOrient)
}

async function reading<T>(
  encoded: Uint8Array,
  field: string,
  read: (picture: Sharp) => Promise<T>
): Promise<T> {
  checkFormat(encoded, field)
  try {
    // Phones write files that decoders warn of and read whole; what is cut or damaged is an error.
    return await read(sharp(encoded, { limitInputPixels: PIXELS_MAX, failOn: 'error' }))
  } catch (err) {
    throw new InvalidInputError(`${field} ${faultOf(err as Error)}.`, { cause: err })
  }
}

function faultOf({ message }: Error): string {
  if (/pixel limit/.test(message)) return `has more than ${PIXELS_MAX} pixels, which is the limit`
  // A decoder repeats itself over many lines.
  return `cannot be decoded; the file may be damaged (${message.split('\n')[0]!.trim()})`
}
