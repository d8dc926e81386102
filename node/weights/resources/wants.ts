/** The repositories that a configuration asks for, each once, with the runtimes and datasets that are needed of it. */

import type { HubRef, RepositoryParts } from '../origins/index.ts'
import type { ResourceConfiguration } from './types.ts'

export interface RepositoryWanted {
  /** What the model is called here, as in the cache of Lumen. */
  readonly name: string
  readonly ref: HubRef
  readonly parts: RepositoryParts
  /** `clip:default`, by which people find it in the configuration. */
  readonly usedBy: readonly string[]
}

/** Lumen's own names on the hubs. */
export const OWNERS = { cn: 'LumilioPhotos', other: 'Lumilio-Photos' } as const

export function wantsOf({ region, services }: ResourceConfiguration): RepositoryWanted[] {
  const wants = new Map<string, RepositoryWanted>()
  for (const { name: service, models } of services.filter(({ enabled }) => enabled))
    for (const [alias, { model, runtime, device, dataset }] of models) {
      const [name = '', owner = OWNERS[region]] = model.split('/').reverse()
      const before = wants.get(`${owner}/${name}`)
      const folder = device === undefined ? runtime : `${runtime}/${device}`
      wants.set(`${owner}/${name}`, {
        name: model,
        ref: { kind: region === 'cn' ? 'ms' : 'hf', owner, name },
        parts: {
          folders: [...new Set([...(before?.parts.folders ?? []), folder])],
          datasets: [
            ...new Set([...(before?.parts.datasets ?? []), ...(dataset === undefined ? [] : [dataset])])
          ]
        },
        usedBy: [...(before?.usedBy ?? []), `${service}:${alias}`]
      })
    }
  return [...wants.values()]
}
