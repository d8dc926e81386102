/** What went wrong in one space, as an event: no fault of a writer. */

import { toLumosError } from '../../../interface/errors.ts'
import type { EngineEvent } from '../worker/engine.ts'
import type { Space } from './space.ts'

export function problemOf({ id }: Space, thrown: unknown): EngineEvent {
  const { code, message } = toLumosError(thrown)
  return { type: 'problem', space: id, refused: { code, writer: null, message } }
}
