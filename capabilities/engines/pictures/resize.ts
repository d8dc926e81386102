/** A decoded picture in another size. */

import sharp from 'sharp'
import type { Pixels } from './picture.ts'

/** @param picture of three colours. */
export async function resized(
  { data, width, height }: Pixels,
  size: { readonly width: number; readonly height: number }
): Promise<Pixels> {
  const raw = { width, height, channels: 3 } as const
  const pixels = await sharp(data, { raw, limitInputPixels: false })
    .resize(size.width, size.height, { fit: 'fill', kernel: 'linear' })
    .raw({ depth: 'uchar' })
    .toBuffer()
  return { data: pixels, ...size }
}
