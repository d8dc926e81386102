/** Places in an image, in pixels from its corner at the left and above, as a person sees it. */

import * as z from 'zod'

/** No picture that is decoded has a longer side: see the limit of pixels of engines. */
const SIDE_MAX = 64 * 1024 * 1024

const Pixels = z.number().min(0).max(SIDE_MAX)

/** `x`, `y`. */
export const Place = z.array(Pixels).length(2)
export const Box = z.object({ xmin: Pixels, ymin: Pixels, xmax: Pixels, ymax: Pixels })
