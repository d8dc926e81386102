/** What a program says of itself before all else. */

import { EngineFailedError } from '../../../interface/errors.ts'
import { type Message, PROTOCOL } from './messages.ts'

/** Requests that one program answers at once. */
const SLOTS_MAX = 64
/** More than there are. */
const TASKS_MAX = 64
const TASK_CHARS_MAX = 64

export interface Hello {
  readonly tasks: readonly string[]
  readonly slots: number
}

/** @throws {EngineFailedError} saying what is wrong with it. */
export function readHello({ protocol, tasks, slots = 1 }: Message): Hello {
  if (protocol !== PROTOCOL) {
    throw new EngineFailedError(
      `speaks protocol ${String(protocol).slice(0, 32)}; this node speaks ${PROTOCOL}`
    )
  }
  const isList = Array.isArray(tasks) && tasks.length > 0 && tasks.length <= TASKS_MAX
  if (!isList || !tasks.every(task => typeof task === 'string' && task.length <= TASK_CHARS_MAX)) {
    throw new EngineFailedError('said hello without a list of its tasks')
  }
  if (!(Number.isSafeInteger(slots) && Number(slots) >= 1 && Number(slots) <= SLOTS_MAX)) {
    throw new EngineFailedError(`said hello with slots that are no number from 1 to ${SLOTS_MAX}`)
  }
  return { tasks, slots: Number(slots) }
}
