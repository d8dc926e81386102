/**
 * Pictures in a conversation. None is fetched from anywhere: this node would do so for each page that it is pointed at.
 * The picture of a large body comes as bytes (see `BodyReader.readJson`).
 */

import * as z from 'zod'

/** A picture in base64, and what stands before it. */
const IMAGE_CHARS_MAX = 36 * 1024 * 1024
const IMAGE_URL = /^data:image\/[\w.+-]{1,64};base64,[A-Za-z0-9+/_-]+={0,2}$/
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/

const bytesOr = (text: z.ZodType<string>): z.ZodType<string | Uint8Array> => {
  const check = (image: unknown, context: z.RefinementCtx) => {
    if (image instanceof Uint8Array) return
    for (const issue of text.safeParse(image).error?.issues ?? [])
      context.addIssue({ ...issue } as z.core.$ZodRawIssue)
  }
  return z.unknown().superRefine(check) as unknown as z.ZodType<string | Uint8Array>
}

/** Said of the address of a picture. */
export const NOT_FETCHED = 'no picture is fetched from a URL'

const DataUrl = z
  .string()
  .max(IMAGE_CHARS_MAX)
  .superRefine((url, context) => {
    if (IMAGE_URL.test(url)) return
    const message = /^https?:/i.test(url)
      ? `${NOT_FETCHED}; give it as data:image/…;base64,…`
      : 'expected data:image/…;base64,…'
    context.addIssue({ code: 'custom', params: { reason: 'invalid_image_url' }, message })
  })

export const ImageUrl = bytesOr(DataUrl)
export const ImageBase64 = bytesOr(z.string().max(IMAGE_CHARS_MAX).regex(BASE64, 'expected base64'))
