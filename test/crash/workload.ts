/**
 * What is done to a home while it is killed, and what must be found in it afterwards: every step that was
 * told to be done, the one that was under way wholly or not at all, and nothing else.
 */

/** Everything that a home holds, by name. */
export type Contents = Readonly<Record<string, string>>
/** What a step leaves behind: `null` for what is gone. */
export type Changes = Readonly<Record<string, string | null>>
/** Stands for a value that chance decides, and that the step tells when it is done. */
export const ANY = '*'

/** What survives the process, but not always the power. */
export const CACHE = 'cache:'
/** Lines of the log: written, and not waited for. */
export const LOG = 'log:'
const OWN_FILES = ['identity', 'root', 'token']
/** The highest number that was used up; more may have been, never fewer. */
export const NUMBER = 'number'

export interface Step {
  readonly name: string
  readonly changes: Changes
  /** Each of its changes comes for itself. */
  readonly piecemeal?: true
  /** The process ends when it fails, as a node that cannot open its home does. */
  readonly vital?: true
  /** The one of its changes that is what `run` returns. */
  readonly tells?: string
  run(): unknown
}

export interface Workload {
  readonly name: string
  /** Something besides the steps that the home must hold at the beginning. */
  prepare?(home: string): Promise<void>
  /** One after the other, for a process that lives as long as it is let. */
  steps(home: string): readonly Step[]
  /** Opens the home as the next process would, looks at everything in it, and closes it again. */
  observe(home: string): Promise<Contents>
}

/** A step that ended, or that was under way when the process did. */
export interface Deed {
  readonly changes: Changes
  /** It failed, or nobody knows how far it came: wholly there or not at all. */
  readonly unsure: boolean
  /** When unsure, each of its changes for itself. */
  readonly piecemeal: boolean
  /** Size of SQLite's log for what must not get lost, once it was done. */
  readonly logBytes?: number
}

const folded = (changes: readonly Changes[]): Contents => {
  const contents: Record<string, string> = {}
  for (const change of changes) {
    for (const [name, value] of Object.entries(change)) {
      if (value === null) delete contents[name]
      else contents[name] = value
    }
  }
  return contents
}

/** Why `observed` is not what must be there after these deeds, or nothing. */
export function brokenPromise(deeds: readonly Deed[], observed: Contents): string | undefined {
  const unsure = deeds.findLastIndex(deed => deed.unsure)
  if (unsure < 0) {
    return difference(folded(deeds.map(({ changes }) => changes)), observed)
  }
  const settled = ways(deeds[unsure]!).map(changes => {
    const deed = { changes, unsure: false, piecemeal: false }
    return brokenPromise(deeds.with(unsure, deed), observed)
  })
  return settled.every(broken => broken !== undefined) ? settled[0] : undefined
}

/** All that an unsure deed may have come to, nothing first. */
function ways({ changes, piecemeal }: Deed): Changes[] {
  if (!piecemeal) return [{}, changes]
  let found: Changes[] = [{}]
  for (const [name, value] of Object.entries(changes)) {
    found = [...found, ...found.map(some => ({ ...some, [name]: value }))]
  }
  return found
}

/** The same after a power cut: what nobody waited for may be gone, back to some earlier moment. */
export const brokenAfterPowerCut = (deeds: readonly Deed[], observed: Contents): string | undefined =>
  brokenAfterDamage(deeds, deeds.length, observed)

/** The same after damage: of a database the first deeds are left, `kept` of them at least; of the cache, any. */
export function brokenAfterDamage(
  deeds: readonly Deed[],
  kept: number,
  observed: Contents
): string | undefined {
  const isDurable = (name: string) => !name.startsWith(CACHE) && !name.startsWith(LOG)
  const durable = deeds.map(deed => ({ ...deed, changes: selected(deed.changes, isDurable) }))
  const counts = [...deeds.keys(), deeds.length].filter(count => count >= kept)
  const broken = counts.map(count => {
    // What has a file of its own does not go with the database.
    const rest = durable.slice(count).map(deed => ({ ...deed, changes: selected(deed.changes, hasOwnFile) }))
    return brokenPromise([...durable.slice(0, count), ...rest], selected(observed, isDurable))
  })
  if (!broken.includes(undefined)) return broken.join('; or ')

  const isCached = (name: string) => name.startsWith(CACHE)
  const cached = selected(observed, isCached)
  const moments = deeds.map((_, moment) => folded(deeds.slice(0, moment + 1).map(({ changes }) => changes)))
  const known = [{}, ...moments].some(moment => difference(selected(moment, isCached), cached) === undefined)
  return known ? undefined : `the cache never held ${JSON.stringify(cached)}`
}

/** The same on a disk that refuses to write: of log and cache, what is there was once given, and may be missing. */
export function brokenAfterRefusal(deeds: readonly Deed[], observed: Contents): string | undefined {
  const isDurable = (name: string) => !name.startsWith(CACHE) && !name.startsWith(LOG)
  const strange = Object.entries(observed).find(
    ([name, value]) => name.startsWith(CACHE) && !deeds.some(({ changes }) => changes[name] === value)
  )
  if (strange !== undefined) return `${strange[0]} never was ${strange[1]}`
  return brokenPromise(
    deeds.map(deed => ({ ...deed, changes: selected(deed.changes, isDurable) })),
    selected(observed, isDurable)
  )
}

function difference(expected: Contents, observed: Contents): string | undefined {
  for (const name of new Set([...Object.keys(expected), ...Object.keys(observed)])) {
    if (!same(name, expected[name], observed[name])) {
      return `${name} is ${observed[name] ?? 'gone'}, not ${expected[name] ?? 'absent'}`
    }
  }
  return undefined
}

function same(name: string, expected: string | undefined, observed: string | undefined): boolean {
  if (name === NUMBER) return Number(observed ?? 0) >= Number(expected ?? 0)
  return expected === ANY ? observed !== undefined : expected === observed
}

const hasOwnFile = (name: string): boolean => OWN_FILES.includes(name)

const selected = <T>(
  contents: Readonly<Record<string, T>>,
  wanted: (name: string) => boolean
): Record<string, T> => Object.fromEntries(Object.entries(contents).filter(([name]) => wanted(name)))
