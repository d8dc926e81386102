/**
 * Tasks: each field by itself is what was said last, except the state. A state says which ones it has seen. Of those that
 * none has seen, `done` counts before `dropped`, `dropped` before `open`, and each of them before removal: so what was
 * ticked on one device stays ticked, and is open again only where that was said of a task known to be done.
 */

import { InvalidInputError } from '../../../interface/errors.ts'
import type { DocContent, MemoryChange, MemoryTask, MemoryValue } from '../../../interface/memory.ts'
import type { Draft } from './draft.ts'
import { deviceOf } from './entries.ts'
import { TASK_SEEN_MAX } from './limits.ts'
import { bySlotOrder, type Slot, type SlotBody } from './slot.ts'
import type { SlotKind } from './slot-doc.ts'
import type { Slots } from './slots.ts'
import { checkKey, isMemoryKey } from './value.ts'

/** What counts first where states were set at once is last. */
const STATES = ['removed', 'open', 'dropped', 'done'] as const
const FIELDS = ['made', 'title', 'assignee', 'state'] as const
type Field = (typeof FIELDS)[number]

interface TaskSlot extends SlotBody {
  readonly id: string
  readonly field: Field
  /** Of `made`: the clock of the writer in ms. */
  readonly value: string | number | null
  /** Of `state`: those of other writers that it stands for too. */
  readonly seen: readonly (readonly [client: number, clock: number])[]
}

const keyOf = (field: Field, id: string): string => `${field}/${id}`
const idOf = (key: string): string => key.slice(key.indexOf('/') + 1)

/** `[clock, field, id, value]`, and of states `[clock, field, id, value, seen]`. */
function parse(parts: readonly unknown[]): TaskSlot | undefined {
  const [clock, field, id, value, seen = []] = parts
  if (typeof clock !== 'number' || !isMemoryKey(id)) return undefined
  if (parts.length !== (field === 'state' ? 5 : 4) || !isValueOf(field, value)) return undefined
  if (!isSeen(seen, clock)) return undefined
  return {
    clock,
    key: keyOf(field as Field, id),
    id,
    field: field as Field,
    value: value as TaskSlot['value'],
    seen
  }
}

function isValueOf(field: unknown, value: unknown): boolean {
  if (field === 'made') return Number.isSafeInteger(value) && (value as number) >= 0
  if (field === 'state') return STATES.some(state => state === value)
  if (field === 'assignee' && value === null) return true
  return (field === 'title' || field === 'assignee') && isMemoryText(value)
}

/** Titles and names are lines of text. */
const TASK_TEXT_MAX = 4096
const isMemoryText = (text: unknown): text is string =>
  typeof text === 'string' && text.length > 0 && text.length <= TASK_TEXT_MAX && text.isWellFormed()

function isSeen(seen: unknown, clock: number): seen is TaskSlot['seen'] {
  if (!Array.isArray(seen) || seen.length > TASK_SEEN_MAX) return false
  return seen.every(
    (pair, i) =>
      Array.isArray(pair) &&
      pair.length === 2 &&
      pair.every(number => Number.isSafeInteger(number) && number > 0) &&
      // Only what could be known when it was said.
      pair[1] < clock &&
      (i === 0 || pair[0] > seen[i - 1][0])
  )
}

/** Of slots of one state, the one that counts. */
function stateOf(slots: readonly Slot<TaskSlot>[]): (typeof STATES)[number] | undefined {
  const heads = slots.filter(
    slot =>
      !slots.some(({ body }) =>
        body.seen.some(([client, clock]) => client === slot.client && clock >= slot.body.clock)
      )
  )
  const ranks = heads.map(({ body }) => STATES.indexOf(body.value as (typeof STATES)[number]))
  return STATES[Math.max(...ranks)]
}

/** From slots as they are, or as they will be. */
type SlotsOf = { of(key: string): Slot<TaskSlot>[] }

function read(
  slots: SlotsOf,
  id: string
): (Omit<MemoryTask, 'writer'> & { first: Slot<TaskSlot> }) | undefined {
  const titles = slots.of(keyOf('title', id))
  const title = titles.at(-1)?.body.value
  const state = stateOf(slots.of(keyOf('state', id))) ?? 'open'
  if (typeof title !== 'string' || state === 'removed') return undefined
  const made = slots.of(keyOf('made', id))[0]
  const assignee = (slots.of(keyOf('assignee', id)).at(-1)?.body.value ?? null) as string | null
  return { id, title, state, assignee, at: (made?.body.value as number) ?? 0, first: made ?? titles[0]! }
}

function* inOrder(slots: Slots<TaskSlot>): Iterable<MemoryTask> {
  const ids = new Set<string>()
  for (const key of slots.keys()) ids.add(idOf(key))
  const tasks = [...ids].flatMap(id => read(slots, id) ?? [])
  for (const { first, ...task } of tasks.sort((a, b) => bySlotOrder(a.first, b.first))) {
    yield { ...task, writer: deviceOf(slots.writerOf(first.client)) }
  }
}

function setState(draft: Draft<TaskSlot>, id: string, state: (typeof STATES)[number]): void {
  const key = keyOf('state', id)
  if (stateOf(draft.of(key)) === state) return
  const seen = draft
    .othersOf(key)
    .slice(-TASK_SEEN_MAX)
    .map(({ client, body }) => [client, body.clock] as const)
  draft.put(
    'state',
    id,
    state,
    seen.sort((a, b) => a[0] - b[0])
  )
}

function change(change: MemoryChange, draft: Draft<TaskSlot>, at: number): string | undefined {
  if (change.type === 'remove') {
    checkKey(change.id)
    if (read(draft, change.id) !== undefined) setState(draft, change.id, 'removed')
    return undefined
  }
  if (change.type !== 'task')
    throw new InvalidInputError(`Tasks know "task" and "remove", not "${change.type}".`)
  const { id = draft.freshId(), title, state, assignee } = change
  checkKey(id)
  for (const text of [title, assignee]) {
    if (text !== undefined && text !== null && !isMemoryText(text)) {
      throw new InvalidInputError(`Titles and assignees of tasks have 1 to ${TASK_TEXT_MAX} characters.`)
    }
  }
  if (state !== undefined && !['open', 'done', 'dropped'].includes(state)) {
    throw new InvalidInputError('A task is "open", "done" or "dropped".')
  }
  const known = read(draft, id)
  if (known === undefined) {
    if (title === undefined) throw new InvalidInputError(`There is no task "${id}"; a new one needs a title.`)
    draft.put('made', id, at)
    setState(draft, id, state ?? 'open')
  } else if (state !== undefined) setState(draft, id, state)
  if (title !== undefined && title !== known?.title) draft.put('title', id, title)
  if (assignee !== undefined && assignee !== (known?.assignee ?? null)) draft.put('assignee', id, assignee)
  return id
}

export const tasksKind = (): SlotKind<TaskSlot> => ({
  kind: 'tasks',
  parse,
  change,
  *pieces(slots) {
    for (const { id, title, state, assignee, writer, at } of inOrder(slots)) {
      yield [id, title, state, assignee, writer, at]
    }
  },
  content: (slots): DocContent => ({ kind: 'tasks', tasks: [...inOrder(slots)] }),
  *names(slots) {
    for (const key of slots.keys()) if (key.startsWith('title/')) yield idOf(key)
  },
  items: (slots, id) => {
    const task = read(slots, id)
    if (task === undefined) return []
    const { title, assignee, at, first } = task
    const value = assignee === null ? title : `${title} (${assignee})`
    return [{ value, writer: deviceOf(slots.writerOf(first.client)), at }]
  },
  get: (slots, key): MemoryValue | undefined => {
    const task = read(slots, key)
    if (task === undefined) return undefined
    const { first, ...rest } = task
    return { ...rest, writer: deviceOf(slots.writerOf(first.client)) }
  },
  count: slots => [...inOrder(slots)].length,
  named: idOf
})
