/** From an encoded picture to a graph's input. */

import { Tensor } from 'onnxruntime-node'
import { EngineFailedError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import { type Fitting, type PixelOptions, pixelsOf } from '../pictures/picture.ts'

/** How a graph wants its pictures. */
export interface ImageSettings extends Fitting, Omit<PixelOptions, 'fitting' | 'signal'> {
  readonly layout: 'NCHW' | 'NHWC'
  /** What the darkest and the brightest value become, before `mean` and `std`. */
  readonly range: readonly [number, number]
  /** Per channel. */
  readonly mean: readonly number[]
  readonly std: readonly number[]
}

/**
 * Decodes and prepares one picture.
 *
 * @throws {InvalidInputError} when it is no picture, a damaged one, or too large a one.
 */
export async function imageTensor(
  encoded: Uint8Array,
  settings: ImageSettings,
  { signal }: AbortOptions
): Promise<Tensor> {
  const { width, height, fit, kernel, color, background, layout } = settings
  const channels = color === 'gray' ? 1 : 3
  const fitting = { width, height, fit, kernel }
  const { data } = await pixelsOf(encoded, { color, background, fitting, signal })
  if (data.length !== width * height * channels) {
    throw new EngineFailedError(`The picture was decoded to ${data.length} values.`)
  }

  const dims = layout === 'NCHW' ? [1, channels, height, width] : [1, height, width, channels]
  return new Tensor('float32', valuesOf(data, channels, settings), dims)
}

/** Numbers in the tensor of one picture. */
export const numbersIn = ({ width, height, color }: ImageSettings): number =>
  width * height * (color === 'gray' ? 1 : 3)

/** Pixels come channel by channel for each place; a graph in `NCHW` wants plane by plane. */
function valuesOf(
  pixels: Uint8Array,
  channels: number,
  { layout, range, mean, std }: Pick<ImageSettings, 'layout' | 'range' | 'mean' | 'std'>
): Float32Array {
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
