/** What services ask of a device, and where their models come from. */

import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { dirname } from 'node:path'
import { KNOWN_SERVICES, pullOf } from '../../../node/weights/resources/index.ts'

export interface Need {
  readonly service: string
  readonly model: string
  /** Null where this node has none for the runtime. */
  readonly engine: string | null
  /** How the engine comes, where it is not part of the package. */
  readonly install: string | null
  readonly disk_bytes: number
  readonly memory_bytes: number
  readonly licence: string
  readonly from: string
  /** Where its weights are free, or that no such place is known. */
  readonly note: string
  /** What this node cannot do with it. */
  readonly problem: string | null
}

export function needsOf(services: readonly string[], wanted: 'onnx' | 'rknn'): Need[] {
  return services.map(service => {
    const known = KNOWN_SERVICES[service]!
    const runtime = known.source === undefined ? wanted : known.runtime
    const isOpened = runtime !== 'rknn'
    return {
      ...{ service, model: known.model, engine: isOpened ? known.engine : null },
      install: isOpened && known.isInstalled ? `lumos-node engine install ${known.engine}` : null,
      ...{ disk_bytes: known.diskBytes, memory_bytes: known.memoryBytes, licence: known.licence },
      from: pullOf({ ...known, runtime }).ref,
      note: known.note,
      problem: isOpened ? null : 'This node has no engine for rknn: the files come, and are not served by it.'
    }
  })
}

/** What this device has; the folder need not be there yet. */
export async function deviceRoom(folder: string): Promise<{ disk_bytes: number; memory_bytes: number }> {
  let there = folder
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there)
  const { bavail, bsize } = await statfs(there)
  return { disk_bytes: bavail * bsize, memory_bytes: totalmem() }
}
