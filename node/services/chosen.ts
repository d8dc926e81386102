/** What the services of the settings say of how a model is run. */

import { type ServiceModel, type ServicesSettings, smallerOf } from '../weights/resources/index.ts'

/** How a model is run on this device. */
export interface Chosen {
  /** At most so many items are run together. */
  readonly batch?: number
  /** Of a program that is its engine. */
  readonly env?: Readonly<Record<string, string>>
}

/**
 * Of several services the smallest batch, and the variables of all, the last one's first.
 *
 * @param device the name of this device in its settings.
 */
export function chosenFor(services: ServicesSettings, device: string, model: string): Chosen {
  let batch: number | undefined
  let env: Record<string, string> | undefined
  for (const service of Object.values(services)) {
    if (!service.enabled) continue
    for (const wanted of Object.values(service.models)) {
      const { model: name, devices, batch_size: size } = wanted
      if ((name !== model && smallerOf(wanted) !== model) || !(devices?.includes(device) ?? true)) continue
      if (size !== undefined) batch = Math.min(batch ?? size, size)
      if (service.env !== undefined) env = { ...env, ...service.env }
    }
  }
  return { ...(batch !== undefined && { batch }), ...(env !== undefined && { env }) }
}

/** It needs no files, and comes from nowhere. */
export const isProgram = ({ runtime, source }: ServiceModel): boolean =>
  runtime === 'external' && source === undefined

export const noProgram = (model: string): string =>
  `engines.external of lumos.yaml names no program "${model}": see docs/external-engines.md`
