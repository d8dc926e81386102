/** Which kept answers are erased: those that have expired, and the oldest where there are too many. Pure. */

export interface KeptFile {
  readonly name: string
  bytes: number
  /** Of the last chunk, on the wall clock. */
  readonly changedAtMs: number
  /** The peer that asked; absent for own answers, and for those of an earlier life of this node. */
  readonly askedBy: string | undefined
  /** It is being written. */
  live: boolean
}

export interface RetentionLimits {
  readonly keptMs: number
  /** Of answers that this device has asked for, and as much again of those that it has given. */
  readonly bytesMax: number
  readonly filesMax: number
  /** One peer has no more than this part of what this device has given. */
  readonly peerShare: number
}

/** @returns what is to be erased, and after how long the next one expires. */
export function overLimits(
  files: readonly KeptFile[],
  { keptMs, bytesMax, filesMax, peerShare }: RetentionLimits,
  nowMs: number
): { names: string[]; nextMs: number | undefined } {
  const names = new Set<string>()
  for (const { name, changedAtMs, live } of files) if (!live && changedAtMs + keptMs <= nowMs) names.add(name)

  const within = (all: readonly KeptFile[], share: number) => {
    let bytes = 0
    let count = 0
    // Newest first, and those that are written before all: what does not fit any more is erased.
    for (const file of all.toSorted(
      (a, b) => Number(b.live) - Number(a.live) || b.changedAtMs - a.changedAtMs
    )) {
      if (names.has(file.name)) continue
      bytes += file.bytes
      count++
      if (bytes > bytesMax * share || count > filesMax * share) names.add(file.name)
    }
  }
  const given = Map.groupBy(
    files.filter(({ name }) => name.startsWith('o')),
    ({ askedBy }) => askedBy
  )
  for (const [askedBy, all] of given) if (askedBy !== undefined) within(all, peerShare)
  within([...given.values()].flat(), 1)
  within(
    files.filter(({ name }) => name.startsWith('a')),
    1
  )

  const left = files.filter(({ name, live }) => !live && !names.has(name))
  const next = Math.min(...left.map(({ changedAtMs }) => changedAtMs + keptMs - nowMs))
  return { names: [...names], nextMs: left.length === 0 ? undefined : next }
}
