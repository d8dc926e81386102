/** How large and how deep a JSON value is, without the text of it: no caller makes this take long. */

/** A number or a word of JSON, and the signs around each value: as good as any guess. */
const VALUE_CHARS = 4

/** Whether the value takes more than `charsMax` characters, or its objects and lists are more than `depthMax` deep. */
export function exceeds(value: unknown, charsMax: number, depthMax: number): 'chars' | 'depth' | undefined {
  const values: unknown[] = [value]
  const depths: number[] = [0]
  for (let chars = 0; values.length > 0; ) {
    const one = values.pop()
    const depth = depths.pop()!
    chars += typeof one === 'string' ? one.length + VALUE_CHARS : VALUE_CHARS
    if (typeof one === 'object' && one !== null) {
      if (depth === depthMax) return 'depth'
      for (const key in one) {
        if (!Array.isArray(one)) chars += key.length + VALUE_CHARS
        values.push((one as Record<string, unknown>)[key])
        depths.push(depth + 1)
        // What is not looked at yet takes room too: a list is not gone through to its end for nothing.
        if (chars + values.length * VALUE_CHARS > charsMax) return 'chars'
      }
    }
    if (chars > charsMax) return 'chars'
  }
  return undefined
}

/**
 * Whether the objects and lists of a value are more than `depthMax` deep. It looks at nothing else, and so takes a tenth of
 * the time that the value took to be parsed.
 */
export const isDeeper = (value: unknown, depthMax: number): boolean =>
  typeof value === 'object' && value !== null && holdsDeeper(value, depthMax)

/** @param left how many levels there may be, this one with it: as deep as this calls itself. */
function holdsDeeper(value: object, left: number): boolean {
  if (left === 0) return true
  if (Array.isArray(value)) return value.some(one => isDeeper(one, left - 1))
  for (const key in value) if (isDeeper((value as Record<string, unknown>)[key], left - 1)) return true
  return false
}
