/** The names under which devices are found in the DHT of a mesh: CIDs as text. */

import { createHash } from 'node:crypto'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { create } from 'multiformats/hashes/digest'
import { encodeControl } from '../../protocols/wire/control.ts'

const SHA2_256 = 0x12

const keyOf = (content: Readonly<Record<string, string>>): string => {
  const digest = createHash('sha256').update(encodeControl(content)).digest()
  return CID.createV1(raw.code, create(SHA2_256, digest)).toString()
}

/** Of a device that offers the model for the task. */
export const capabilityKey = (mesh: string, task: string, model: string): string =>
  keyOf({ mesh, task, model })

/** Of a device that offers any model for the task. */
export const taskKey = (mesh: string, task: string): string => keyOf({ mesh, task })

/** Of a device that holds weights of this name. What they are is asked of the device. */
export const weightsKey = (mesh: string, name: string): string => keyOf({ mesh, weights: name })

/** Of a device that offers the model for any task. */
export const modelKey = (mesh: string, model: string): string => keyOf({ mesh, model })
