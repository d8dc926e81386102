/** A picture of the reader, as the node takes it. */

import { Store } from '../state.ts'

/** Of the units that take a picture, and of the engine that decodes it. */
const IMAGE_BYTES_MAX = 25 * 1024 * 1024
const PIXELS_MAX = 64 * 1024 * 1024
/** What a picture above the limits is scaled to: no model sees more. */
const SCALED_PIXELS = 8 * 1024 * 1024
const QUALITY = 0.9

export interface Picture {
  readonly name: string
  /** A data URL, which the page shows and the node takes. */
  readonly data: string
  readonly width: number
  readonly height: number
  readonly bytes: number
  /** It was above a limit, and the page made it smaller. */
  readonly scaled: boolean
}

/** The picture of all tasks: one who tries another task has it there, too. */
export const chosen = new Store<{ picture: Picture | undefined; other: Picture | undefined }>({
  picture: undefined,
  other: undefined
})

/** @throws where the browser does not know its format */
export async function pictureOf(file: File): Promise<Picture> {
  const decoded = await createImageBitmap(file, { imageOrientation: 'from-image' })
  try {
    const { width, height } = decoded
    const fits = file.size <= IMAGE_BYTES_MAX && width * height <= PIXELS_MAX
    const name = file.name || 'picture.png'
    if (fits) return { name, data: await dataOf(file), width, height, bytes: file.size, scaled: false }
    const scale = Math.min(1, Math.sqrt(SCALED_PIXELS / (width * height)))
    const canvas = new OffscreenCanvas(Math.round(width * scale), Math.round(height * scale))
    canvas.getContext('2d')!.drawImage(decoded, 0, 0, canvas.width, canvas.height)
    const smaller = await canvas.convertToBlob({ type: 'image/jpeg', quality: QUALITY })
    const data = await dataOf(smaller)
    return { name, data, width: canvas.width, height: canvas.height, bytes: smaller.size, scaled: true }
  } finally {
    decoded.close()
  }
}

export const dataOf = (blob: Blob): Promise<string> =>
  new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(reader.result as string)
    reader.onerror = () => reject(reader.error)
    reader.readAsDataURL(blob)
  })
