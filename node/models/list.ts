/** Every model of the mesh, with the devices that have it. */

import type { Registry } from '../../capabilities/index.ts'
import type { ModelInfo } from '../../interface/node.ts'
import type { ModelAccess } from '../membership/index.ts'
import type { MeshRouting } from '../routing/index.ts'

export interface ListedFrom {
  readonly registry: Pick<Registry, 'models'>
  readonly access: Pick<ModelAccess, 'to'>
  readonly routing: Pick<MeshRouting, 'providers' | 'router'>
}

export function listModels({ registry, access, routing }: ListedFrom): ModelInfo[] {
  const { providers, router } = routing
  const own = new Map(registry.models().flatMap(state => state.names.map(name => [name, state] as const)))
  const byKey = new Map<string, ModelInfo>()
  for (const { peerId, name, local, capability, wakeMs } of providers.offers({})) {
    const {
      model,
      task,
      slots,
      warm,
      contextTokens,
      takesImages = false,
      leavesMesh = false,
      format,
      fileBytes,
      speed
    } = capability
    const state = local ? own.get(model) : undefined
    const key = `${model} ${task}`
    const info = byKey.get(key) ?? {
      ...{ model, task },
      format: own.get(model)?.format ?? null,
      sizeBytes: own.get(model)?.fileBytes ?? null,
      providers: []
    }
    info.format ??= format ?? null
    info.sizeBytes ??= fileBytes ?? null
    const { firstChunkMs, tokensPerSecond } = router.recordOf(peerId, model)
    info.providers.push({
      ...{ peerId, name, route: local ? ('local' as const) : ('remote' as const), slots, warm },
      state: state?.phase ?? (wakeMs !== undefined ? 'asleep' : warm ? 'ready' : 'cold'),
      memoryBytes: state?.needBytes ?? null,
      ...{ contextTokens: contextTokens ?? null, takesImages, leavesMesh },
      firstChunkMs: firstChunkMs ?? null,
      tokensPerSecond: tokensPerSecond ?? null,
      stated: speed ?? null,
      ...(state && { offeredTo: (state.demonstration ? undefined : access.to(model)) ?? null })
    })
    byKey.set(key, info)
  }
  return [...byKey.values()].sort((a, b) => (a.model + a.task < b.model + b.task ? -1 : 1))
}
