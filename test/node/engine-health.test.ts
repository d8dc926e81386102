/** What is said of an engine that fails. */

import { expect, it } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import { ENGINE_EVENTS } from '../../interface/engines.ts'
import { watchEngines } from '../../node/engines/health.ts'
import { EventBus } from '../../node/events/event-bus.ts'
import { MODEL_EVENTS } from '../../node/models/events.ts'

it('an engine that fails says so each time, and its health once until a model of it is loaded', () => {
  const declared = { ...ENGINE_EVENTS, ...MODEL_EVENTS }
  const events = new EventBus({ clock: systemClock, random: () => 0.5, declared })
  const said: unknown[] = []
  events.addEventListener('engine.error', ({ detail }) => said.push(detail))
  events.addEventListener('engine.health_changed', ({ detail }) => said.push(detail))
  const emit = events.emit.bind(events)
  watchEngines({ events, emit }, modelId => (modelId.startsWith('onnx-') ? 'onnx' : undefined))

  const failed = { modelId: 'onnx-a', code: 'MODEL_INVALID', message: 'no graph' }
  emit('model.failed', failed)
  emit('model.unloaded', { modelId: 'onnx-b', reason: 'lost' })
  emit('model.unloaded', { modelId: 'onnx-b', reason: 'idle' })
  emit('model.failed', { ...failed, modelId: 'of-a-server' })
  emit('model.loaded', { modelId: 'onnx-b', durationMs: 1, memoryBytes: 1 })
  emit('model.loaded', { modelId: 'onnx-b', durationMs: 1, memoryBytes: 1 })
  expect(said).toEqual([
    { engine: 'onnx', ...failed },
    { engine: 'onnx', oldStatus: 'healthy', newStatus: 'failing' },
    { engine: 'onnx', modelId: 'onnx-b', code: 'ENGINE_FAILED', message: 'Its process has ended.' },
    { engine: 'onnx', oldStatus: 'failing', newStatus: 'healthy' }
  ])
})
