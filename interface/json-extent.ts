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
