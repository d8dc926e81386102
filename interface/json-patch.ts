/**
 * Changes of JSON values as JSON Patch (RFC 6902): additions, removals and replacements.
 *
 * A merge patch (RFC 7396) cannot say that a field is null, which many fields of units are.
 */

import * as z from 'zod'
import { LumosError } from './errors.ts'
import { isRecord } from './record.ts'

export const PatchStep = z.strictObject({
  op: z.enum(['add', 'remove', 'replace']),
  /** A JSON Pointer (RFC 6901). */
  path: z.string(),
  /** Of `add` and `replace`. */
  value: z.unknown().optional()
})
export type PatchStep = z.infer<typeof PatchStep>

/** What turns `before` into `after`, both as JSON has them. */
export function patchOf(before: unknown, after: unknown): PatchStep[] {
  const steps: PatchStep[] = []
  compare(before, after, '', steps)
  return steps
}

/**
 * The value that `steps` make of `value`, which stays as it is: what changes is copied.
 *
 * @throws {LumosError} `PROTOCOL_VIOLATION` for a step that does not fit the value.
 */
export function patched(value: unknown, steps: readonly PatchStep[]): unknown {
  return steps.reduce(
    (current, step) => stepped(current, step.path.split('/').slice(1).map(unescaped), step),
    value
  )
}

function compare(before: unknown, after: unknown, path: string, steps: PatchStep[]): void {
  if (before === after) return
  if (Array.isArray(before) && Array.isArray(after)) {
    compareLists(before, after, path, steps)
    return
  }
  if (!isRecord(before) || !isRecord(after)) {
    steps.push({ op: 'replace', path, value: after })
    return
  }
  for (const key of Object.keys(before)) {
    if (!Object.hasOwn(after, key)) steps.push({ op: 'remove', path: at(path, key) })
  }
  for (const [key, value] of Object.entries(after)) {
    if (Object.hasOwn(before, key)) compare(before[key], value, at(path, key), steps)
    else steps.push({ op: 'add', path: at(path, key), value })
  }
}

/** Items are matched by their names. A list that has another order, or two items of one name, is replaced. */
function compareLists(
  before: readonly unknown[],
  after: readonly unknown[],
  path: string,
  steps: PatchStep[]
): void {
  const [names, newNames] = [before.map(nameOf), after.map(nameOf)]
  const wanted = new Set(newNames)
  const kept = [...before.keys()].filter(i => wanted.has(names[i]!))
  const keptNames = new Set(kept.map(i => names[i]!))
  const stay = newNames.filter(name => keptNames.has(name))
  if (
    wanted.size < after.length ||
    kept.length > stay.length ||
    stay.some((name, i) => name !== names[kept[i]!])
  ) {
    steps.push({ op: 'replace', path, value: after })
    return
  }
  for (let i = before.length - 1; i >= 0; i--) {
    if (!wanted.has(names[i]!)) steps.push({ op: 'remove', path: at(path, i) })
  }
  let next = 0
  for (const [i, value] of after.entries()) {
    if (keptNames.has(newNames[i]!)) compare(before[kept[next++]!], value, at(path, i), steps)
    else steps.push({ op: 'add', path: at(path, i), value })
  }
}

/** Fields that say which item of a list one is: those of all units. A change of one is another item. */
const NAMES = ['id', 'peer_id', 'slot_id', 'request_id', 'model_id', 'type', 'task', 'name', 'key', 'check']

const nameOf = (item: unknown): string =>
  JSON.stringify(isRecord(item) ? NAMES.map(name => item[name] ?? null) : item)

const at = (path: string, key: string | number): string =>
  `${path}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`

const unescaped = (key: string): string => key.replaceAll('~1', '/').replaceAll('~0', '~')

function stepped(value: unknown, [key, ...rest]: readonly string[], step: PatchStep): unknown {
  if (key === undefined) return step.value
  if (Array.isArray(value)) return steppedList(value, key, rest, step)
  if (!isRecord(value)) throw misfit(step)
  const has = Object.hasOwn(value, key)
  const isLast = rest.length === 0
  if (!has && !(isLast && step.op === 'add')) throw misfit(step)
  // Made of entries, so that a key such as `__proto__` is a field like any other.
  const entries = Object.entries(value)
  if (isLast && step.op === 'remove') return Object.fromEntries(entries.filter(([name]) => name !== key))
  const item = stepped(has ? value[key] : undefined, rest, step)
  if (!has) return Object.fromEntries([...entries, [key, item]])
  return Object.fromEntries(entries.map(([name, old]) => [name, name === key ? item : old]))
}

function steppedList(
  list: readonly unknown[],
  key: string,
  rest: readonly string[],
  step: PatchStep
): unknown[] {
  const isAdded = step.op === 'add' && rest.length === 0
  const index = key === '-' && isAdded ? list.length : /^(?:0|[1-9]\d*)$/.test(key) ? Number(key) : Infinity
  if (index > list.length - Number(!isAdded)) throw misfit(step)
  if (isAdded) return list.toSpliced(index, 0, step.value)
  if (step.op === 'remove' && rest.length === 0) return list.toSpliced(index, 1)
  return list.with(index, stepped(list[index], rest, step))
}

const misfit = ({ op, path }: PatchStep): LumosError =>
  new LumosError('PROTOCOL_VIOLATION', `The change "${op}" does not fit the value at ${path.slice(0, 128)}.`)
