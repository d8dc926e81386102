/** Pictures of now against those of an earlier run: how much of a screen looks different. */

import { existsSync } from 'node:fs'
import sharp from 'sharp'

/** Pictures are compared at this width: hinting and single letters do not show. */
const WIDTH = 200
/** Of 255: what shadows and rounding make different is less. */
const LEVEL = 24
/** Times, ids and measured figures are other ones in each run. */
const SHARE_MAX = 0.03
const HEIGHT_SHARE_MAX = 0.05

async function readPicture(path: string) {
  const { data, info } = await sharp(path)
    .resize({ width: WIDTH })
    .greyscale()
    .raw()
    .toBuffer({ resolveWithObject: true })
  return { data, height: info.height }
}

/** What is different between two pictures of one screen, in words; undefined: nothing to speak of, or nothing to compare. */
export async function changed(now: string, before: string): Promise<string | undefined> {
  if (!existsSync(before)) return undefined
  const [one, other] = await Promise.all([readPicture(now), readPicture(before)])
  const height = Math.min(one.height, other.height)
  const pixels = height * WIDTH
  let different = 0
  for (let at = 0; at < pixels; at++) if (Math.abs(one.data[at]! - other.data[at]!) > LEVEL) different++
  const share = different / pixels
  if (share > SHARE_MAX) return `${(100 * share).toFixed(1)} % of it looks different than in ${before}`
  const taller = one.height / other.height - 1
  if (Math.abs(taller) > HEIGHT_SHARE_MAX)
    return `it is ${(100 * taller).toFixed(0)} % taller than in ${before}`
  return undefined
}
