/** `requests explain`: whom one of the last requests was sent to, why, and what came of it. */

import { AnswerId, RequestId, requestIdOf } from '../../../interface/answers.ts'
import type { RoutedRequest } from '../../../interface/routing.ts'
import type { SnakeCase } from '../../../interface/snake-case.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { printable } from '../../output.ts'
import { milliseconds } from '../../quantities.ts'
import { notAnId } from './requests.ts'

type Routed = SnakeCase<RoutedRequest>
type Attempt = Routed['attempts'][number]

export async function run({ args, options, output }: Invocation): Promise<void> {
  const [given] = args as [string]
  const isAnswer = AnswerId.safeParse(given).success
  if (!isAnswer && !RequestId.safeParse(given).success) throw notAnId(given)
  const id = isAnswer ? requestIdOf(given) : given
  const { data } = await findNode(options).execute<{ request: RoutedRequest }>('inference.explain', { id })
  const { request } = data
  output.data(request, () => explained(request))
}

export function explained(request: Routed): string {
  const { policy, candidates, more, outcome, duration_ms } = request
  const end = duration_ms === null ? 'under way' : `${outcome} after ${milliseconds(duration_ms)}`
  const lines = [`Policy ${policy}: ${end}.`, 'Candidates, the best first:']
  for (const { name, model, cost_ms, parts, joules_per_token, fate } of candidates) {
    const why = parts.map(({ reason, ms }) => `${reason} ${milliseconds(ms)}`).join(', ')
    const energy = joules_per_token === undefined ? '' : `, ${joules_per_token} J a token`
    const cost = cost_ms === null ? 'left out' : `${milliseconds(cost_ms)}${energy} (${why})`
    lines.push(`  ${printable(`${name} with ${model}`)}: ${cost}; ${FATES[fate]}`)
  }
  if (more > 0) lines.push(`  and ${more} more`)
  return [...lines, 'What happened:', ...timeline(request).map(line => `  ${line}`)].join('\n')
}

const FATES: Record<Routed['candidates'][number]['fate'], string> = {
  asked: 'was asked',
  spare: 'was not needed',
  ejected: 'had failed too often',
  too_small: 'has no room for it in its context'
}

/** Each step at its time after the request came. */
function timeline({ candidates, attempts }: Routed): string[] {
  const names = new Map(candidates.map(({ peer_id, name }) => [peer_id, name]))
  const steps = attempts.flatMap((attempt, i) => {
    const { peer_id, started_ms, first_chunk_ms, from, ended_ms } = attempt
    const name = printable(names.get(peer_id) ?? peer_id)
    const asked = { atMs: started_ms, words: `${name} is asked${howAsked(attempt, attempts.slice(0, i))}` }
    const first = `${name} gives piece ${from}`
    return [
      asked,
      ...(first_chunk_ms === null ? [] : [{ atMs: started_ms + first_chunk_ms, words: first }]),
      ...(ended_ms === null ? [] : [{ atMs: ended_ms, words: `${name}: ${howEnded(attempt)}` }])
    ]
  })
  return steps.sort((a, b) => a.atMs - b.atMs).map(({ atMs, words }) => `${milliseconds(atMs)}  ${words}`)
}

/** Beside another one that is silent, or after it has failed; from the beginning, or from where the answer was cut. */
function howAsked({ from, started_ms }: Attempt, before: readonly Attempt[]): string {
  if (before.length === 0) return ''
  const beside = before.some(({ ended_ms }) => ended_ms === null || ended_ms > started_ms)
  const where = from > 0 ? ` to go on from piece ${from}` : ''
  return `${where}${beside ? ', beside the one before' : ', in place of the one before'}`
}

function howEnded({ outcome, chunks, from }: Attempt): string {
  const span = chunks === 0 ? 'no pieces' : `pieces ${from} to ${from + chunks - 1}`
  return outcome === 'answered' ? `answered, ${span}` : `ended with ${outcome}, ${span}`
}
