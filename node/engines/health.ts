/** Says when an engine fails, and when one of its models answers again. What fails is a load, or a process that is lost. */

import type { EventData } from '../../interface/events.ts'
import type { FeatureComponents } from '../feature.ts'

/** @param engineOf the engine that opens a model here; none for what is no file, such as a model of a server. */
export function watchEngines(
  { events, emit }: Pick<FeatureComponents, 'events' | 'emit'>,
  engineOf: (modelId: string) => string | undefined
): void {
  const failing = new Set<string>()
  const failed = (error: Omit<EventData<'engine.error'>, 'engine'>): void => {
    const engine = engineOf(error.modelId)
    if (engine === undefined) return
    emit('engine.error', { engine, ...error })
    if (failing.has(engine)) return
    failing.add(engine)
    emit('engine.health_changed', { engine, oldStatus: 'healthy', newStatus: 'failing' })
  }
  events.addEventListener('model.failed', ({ detail }) => failed(detail))
  events.addEventListener('model.unloaded', ({ detail: { modelId, reason } }) => {
    if (reason === 'lost') failed({ modelId, code: 'ENGINE_FAILED', message: 'Its process has ended.' })
  })
  events.addEventListener('model.loaded', ({ detail: { modelId } }) => {
    const engine = engineOf(modelId)
    if (engine === undefined || !failing.delete(engine)) return
    emit('engine.health_changed', { engine, oldStatus: 'failing', newStatus: 'healthy' })
  })
}
