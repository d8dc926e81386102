/** Changes of a resource as a node sends them: `add`, `remove` and `replace` of JSON Patch (RFC 6902). */

export interface PatchStep {
  readonly op: 'add' | 'remove' | 'replace'
  readonly path: string
  readonly value?: unknown
}

/** The value after these steps. What they leave alone stays the same object. */
export const patched = (whole: unknown, steps: readonly PatchStep[]): unknown =>
  steps.reduce((value, step) => changed(value, keysOf(step.path), step), whole)

const keysOf = (path: string): string[] =>
  path
    .split('/')
    .slice(1)
    .map(key => key.replaceAll('~1', '/').replaceAll('~0', '~'))

function changed(at: unknown, [key, ...rest]: readonly string[], step: PatchStep): unknown {
  if (key === undefined) return step.value
  if (Array.isArray(at)) {
    const items = [...at]
    const index = key === '-' ? items.length : Number(key)
    if (rest.length > 0) items[index] = changed(items[index], rest, step)
    else items.splice(index, step.op === 'add' ? 0 : 1, ...(step.op === 'remove' ? [] : [step.value]))
    return items
  }
  const members = new Map(Object.entries((at ?? {}) as object))
  if (rest.length > 0) members.set(key, changed(members.get(key), rest, step))
  else if (step.op === 'remove') members.delete(key)
  else members.set(key, step.value)
  return Object.fromEntries(members)
}
