/** Which services a device has, in its manifest. */

import * as z from 'zod'
import { ModelId } from '../../interface/names.ts'
import { SERVICE_NAME, type StatedService } from '../../interface/services.ts'

/** More than a device is shown with; bounds what a liar can make others keep. */
const STATED_MAX = 64
/** Of a manifest's part of 4096. */
const PART_BYTES_MAX = 4000

type Stated = Omit<StatedService, 'peerId'>

/** A reader drops the keys that it does not know. */
const Part = z.object({ services: z.record(SERVICE_NAME, ModelId) })

/** Absent where there is none: the first versions refuse manifests with parts. */
export function statedPart(services: readonly Stated[]): Uint8Array | undefined {
  for (let count = Math.min(services.length, STATED_MAX); count > 0; count--) {
    const named = services.slice(0, count).map(({ id, modelId }) => [id, modelId])
    const part = new TextEncoder().encode(JSON.stringify({ services: Object.fromEntries(named) }))
    if (part.byteLength <= PART_BYTES_MAX) return part
  }
  return undefined
}

/** Of a part that no node of this program wrote, nothing. */
export function readStated(part: Uint8Array | undefined): Stated[] {
  if (part === undefined) return []
  try {
    const { services } = Part.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(part)))
    return Object.entries(services)
      .slice(0, STATED_MAX)
      .map(([id, modelId]) => ({ id, modelId }))
  } catch {
    return []
  }
}
