/** What devices are called: no two members of a mesh have one name. */

const NAME_CHARS_MAX = 63

/** `name`, or that with the lowest number behind it which nobody has. */
export function uniqueName(name: string, taken: ReadonlySet<string>): string {
  for (let n = 1; ; n++) {
    const suffix = n === 1 ? '' : `-${n}`
    const candidate = name.slice(0, NAME_CHARS_MAX - suffix.length).toWellFormed() + suffix
    if (!taken.has(candidate)) return candidate
  }
}
