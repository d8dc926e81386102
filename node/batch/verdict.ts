/** What several answers to one sampled item say of it and of their devices. */

import type { Item } from './batch-state.ts'

type Answered = Item['answers'][number]

interface Verdict {
  readonly chosen: Answered
  /** Devices that two others agreed against. */
  readonly against: readonly string[]
}

/**
 * `open`: another device would have to answer. Two that agree decide against a third; which of two that differ is wrong
 * cannot be told.
 */
export function judge(
  { sample, answers }: Item,
  agrees: (one: unknown, other: unknown) => boolean
): Verdict | 'open' {
  if (!sample) return { chosen: answers[0]!, against: [] }
  for (const one of answers) {
    const others = answers.filter(other => other !== one && agrees(one.output, other.output))
    if (others.length === 0) continue
    const against = answers.filter(other => other !== one && !others.includes(other))
    return { chosen: one, against: against.map(({ peer }) => peer) }
  }
  return 'open'
}
