/** From an encoded picture to a graph's input, and from logits to labels. */

import { type InferenceSession, Tensor } from 'onnxruntime-node'
import sharp from 'sharp'
import { EngineFailedError, InvalidInputError, LumosError } from '../../../interface/errors.ts'
import { checkFormat } from './picture-format.ts'

/** How a graph wants its pictures. */
export interface ImageSettings {
  readonly input: string
  readonly output: string
  readonly width: number
  readonly height: number
  /** `fill` stretches, `cover` crops, `contain` adds borders. */
  readonly fit: 'fill' | 'cover' | 'contain'
  readonly color: 'gray' | 'rgb'
  /** What shows through where a picture is transparent. */
  readonly background: 'black' | 'white'
  readonly layout: 'NCHW' | 'NHWC'
  /** What the darkest and the brightest value become, before `mean` and `std`. */
  readonly range: readonly [number, number]
  /** Per channel. */
  readonly mean: readonly number[]
  readonly std: readonly number[]
  readonly labels: readonly string[]
}

/**
 * A picture of a good phone has 50 million pixels. A file of a few kilobytes
 * may claim billions; it is refused by its header, before it is decoded.
 */
const PIXELS_MAX = 64 * 1024 * 1024

// One picture at a time is decoded on one thread: the cores belong to the graph.
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

/**
 * Decodes and prepares one picture.
 *
 * @throws {InvalidInputError} when it is no picture, a damaged one, or too large a one.
 */
export async function imageTensor(encoded: Uint8Array, settings: ImageSettings): Promise<Tensor> {
  const { width, height, color, layout } = settings
  const channels = color === 'gray' ? 1 : 3
  const pixels = await decode(encoded, settings)
  if (pixels.length !== width * height * channels) {
    throw new EngineFailedError(`The picture was decoded to ${pixels.length} values.`)
  }

  const dims = layout === 'NCHW' ? [1, channels, height, width] : [1, height, width, channels]
  return new Tensor('float32', valuesOf(pixels, channels, settings), dims)
}

async function decode(
  encoded: Uint8Array,
  { width, height, fit, color, background }: ImageSettings
): Promise<Uint8Array> {
  checkFormat(encoded)
  try {
    // Phones write files that decoders warn of and read whole; what is cut or damaged is an error.
    return await sharp(encoded, { limitInputPixels: PIXELS_MAX, failOn: 'error' })
      .autoOrient()
      .flatten({ background })
      .resize(width, height, { fit, kernel: 'linear' })
      .toColourspace(color === 'gray' ? 'b-w' : 'srgb')
      .raw({ depth: 'uchar' })
      .toBuffer()
  } catch (err) {
    throw new InvalidInputError(`input.image ${faultOf(err as Error)}.`, { cause: err })
  }
}

function faultOf({ message }: Error): string {
  if (/pixel limit/.test(message)) return `has more than ${PIXELS_MAX} pixels, which is the limit`
  // A decoder repeats itself over many lines.
  return `cannot be decoded; the file may be damaged (${message.split('\n')[0]!.trim()})`
}

/** Pixels come channel by channel for each place; a graph in `NCHW` wants plane by plane. */
function valuesOf(pixels: Uint8Array, channels: number, settings: ImageSettings): Float32Array {
  const { layout, range, mean, std } = settings
  const [low, high] = range
  const values = new Float32Array(pixels.length)
  const plane = pixels.length / channels

  for (let channel = 0; channel < channels; channel++) {
    const scale = (high - low) / 255 / std[channel]!
    const offset = (low - mean[channel]!) / std[channel]!
    for (let place = 0; place < plane; place++) {
      const from = place * channels + channel
      const to = layout === 'NCHW' ? channel * plane + place : from
      values[to] = pixels[from]! * scale + offset
    }
  }
  return values
}

/** The `count` likeliest labels, likeliest first, with the softmax of their logits. */
export function topLabels(
  logits: Float32Array,
  labels: readonly string[],
  count: number
): { label: string; score: number }[] {
  if (logits?.length !== labels.length) {
    throw new EngineFailedError(`The graph answered ${logits?.length} values for ${labels.length} labels.`)
  }
  // Without the largest, `exp` of a large logit is infinite.
  const largest = logits.reduce((a, b) => Math.max(a, b))
  const weights = Array.from(logits, logit => Math.exp(logit - largest))
  const sum = weights.reduce((a, b) => a + b)

  return weights
    .map((weight, index) => ({ label: labels[index]!, score: weight / sum }))
    .sort((a, b) => b.score - a.score)
    .slice(0, count)
}

/** @throws {LumosError} `MODEL_INVALID` when the graph has not the input and output that its description names. */
export function checkGraph(session: InferenceSession, { input, output }: ImageSettings): void {
  if (session.inputNames.join() === input && session.outputNames.includes(output)) return
  throw new LumosError(
    'MODEL_INVALID',
    `The graph takes ${session.inputNames} and gives ${session.outputNames}, not "${input}" and "${output}".`
  )
}
