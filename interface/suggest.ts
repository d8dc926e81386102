/** The names a mistyped one may have meant, for errors that help. */

/** More suggestions than this are a list to search, not a hint. */
const SUGGESTIONS_MAX = 3
/** Names are at most this long where people type them; bounds the work that a long wrong one causes. */
const NAME_CHARS_MAX = 128

/** Those of `known` that `name` contains, that contain it, or that differ from it in at most every second character; best first. */
export function closestNames(name: string, known: Iterable<string>): string[] {
  const wanted = name.slice(0, NAME_CHARS_MAX).toLowerCase()

  return [...new Set(known)]
    .map(candidate => ({ candidate, distance: distanceOf(wanted, candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= 0.5)
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, SUGGESTIONS_MAX)
    .map(({ candidate }) => candidate)
}

/** 0 for equal names, 1 for names with nothing in common. */
function distanceOf(a: string, b: string): number {
  const longest = Math.max(a.length, b.length)
  if (longest === 0) return 0
  const edits = editsBetween(a, b) / longest
  const contained = Math.min(a.length, b.length) >= 3 && (a.includes(b) || b.includes(a))
  return contained ? Math.min(edits, 0.3) : edits
}

/** Levenshtein distance, one row at a time. */
export function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
