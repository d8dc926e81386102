/** What services ask of a device, and where their models come from. */

import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { dirname } from 'node:path'
import { isRecord } from '../../../interface/record.ts'
import {
  isOfLumen,
  KNOWN_SERVICES,
  type KnownService,
  pullOf
} from '../../../node/weights/resources/index.ts'

export interface Need {
  readonly service: string
  readonly model: string
  /** Null where none is there for the runtime. */
  readonly engine: string | null
  /** How the engine comes, where it is not part of the package. */
  readonly install: string | null
  readonly disk_bytes: number
  readonly memory_bytes: number
  readonly licence: string
  readonly from: string
  /** Where its weights are free, or that no such place is known. */
  readonly note: string
  /** What its owner has to do before it is served. */
  readonly problem: string | null
}

/** Programs of `engines.external`, by name. */
export type Programs = Readonly<Record<string, { readonly runtime?: string; readonly device?: string }>>

/** @param npu the chip for which models are brought that Lumen has for it. */
export function needsOf(services: readonly string[], npu: string | undefined, programs: Programs): Need[] {
  return services.map(service => {
    const known = KNOWN_SERVICES[service]!
    const isOnNpu = npu !== undefined && isOfLumen(known)
    const runtime = isOnNpu ? 'rknn' : known.runtime
    const isProgram = runtime === 'rknn' || runtime === 'external'
    const problem = isProgram ? missing(known, npu, programs) : null
    const engine = isProgram ? (problem === null ? 'external' : null) : known.engine
    return {
      ...{ service, model: known.model, engine },
      install: !isProgram && known.isInstalled ? `lumos-node engine install ${known.engine}` : null,
      ...{ disk_bytes: known.diskBytes, memory_bytes: known.memoryBytes, licence: known.licence },
      from: runtime === 'external' ? 'a program of yours' : pullOf({ ...known, runtime }).ref,
      ...{ note: known.note, problem }
    }
  })
}

/** What is missing in the settings for a model that a program of the owner opens; null where nothing is. */
function missing(
  { model, runtime }: KnownService,
  npu: string | undefined,
  programs: Programs
): string | null {
  const all = Object.entries(programs).filter(([, program]) => isRecord(program))
  if (runtime === 'external') {
    if (all.some(([name, { runtime }]) => name === model && runtime === undefined)) return null
    return `Name the program in lumos.yaml, in engines.external.${model}: command, args, tasks. See docs/external-engines.md.`
  }
  if (all.some(([, { runtime, device }]) => runtime === 'rknn' && device === npu)) return null
  return `A program of yours opens it: name it in engines.external of lumos.yaml, with runtime: rknn and device: ${npu}. Until then its files come, and are not served. See docs/external-engines.md.`
}

/** What this device has; the folder need not be there yet. */
export async function deviceRoom(folder: string): Promise<{ disk_bytes: number; memory_bytes: number }> {
  let there = folder
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there)
  const { bavail, bsize } = await statfs(there)
  return { disk_bytes: bavail * bsize, memory_bytes: totalmem() }
}
