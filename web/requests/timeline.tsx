/** What became of a request, on one axis of time: a bar for each time that a device was asked. */

import { duration, number } from '../format.ts'
import type { Output } from '../node.ts'
import { Text } from '../parts/text.tsx'
import { useWords, type Words } from '../words/index.ts'
import { Outcome } from './outcome.tsx'

export type Routed = NonNullable<Output<'inference.explain'>['request']>
type Attempt = Routed['attempts'][number]

interface TimelineProps {
  readonly request: Routed
  /** Since the request came; of one that is under way. */
  readonly elapsedMs: number
  nameOf(peerId: string): string
}

const TICKS = [0, 0.25, 0.5, 0.75, 1]

export function Timeline({ request, elapsedMs, nameOf }: TimelineProps) {
  const w = useWords().requests
  const { attempts, duration_ms } = request
  const whole = Math.max(1, duration_ms ?? elapsedMs, ...attempts.map(({ ended_ms }) => ended_ms ?? 0))
  const at = (ms: number) => `${Math.min(100, (ms / whole) * 100)}%`
  return (
    <div class="timeline">
      <ol>
        {attempts.map((attempt, index) => {
          const { started_ms, first_chunk_ms, ended_ms, outcome } = attempt
          const end = ended_ms ?? whole
          const first = first_chunk_ms === null ? end : Math.min(end, started_ms + first_chunk_ms)
          return (
            <li key={index}>
              <span class="try">
                <Text of={nameOf(attempt.peer_id)} /> <Outcome of={outcome} />
              </span>
              <span class="track" aria-hidden="true">
                <span class="waits" style={{ left: at(started_ms), width: at(first - started_ms) }} />
                <span
                  class={`answers ${outcome === null || outcome === 'answered' ? '' : 'cut'}`}
                  style={{ left: at(first), width: at(end - first) }}
                />
              </span>
            </li>
          )
        })}
      </ol>
      <div class="axis" aria-hidden="true">
        {TICKS.map(tick => (
          <span key={tick}>{duration(tick * whole)}</span>
        ))}
      </div>
      <p class="legend note" aria-hidden="true">
        <span class="legend-key waits" /> {w.waits} <span class="legend-key answers" /> {w.answers}{' '}
        <span class="legend-key answers cut" /> {w.cut}
      </p>
      <Steps request={request} nameOf={nameOf} />
    </div>
  )
}

/** The same in words, one after the other. */
function Steps({ request, nameOf }: Omit<TimelineProps, 'elapsedMs'>) {
  const w = useWords().requests
  return (
    <ol class="course" aria-label={w.steps}>
      {stepsOf(request, nameOf, w).map(({ ms, text }, index) => (
        <li key={index}>
          <span class="dim">{duration(ms)}</span> <Text of={text} />
        </li>
      ))}
    </ol>
  )
}

interface Step {
  readonly ms: number
  readonly text: string
}

function stepsOf(request: Routed, nameOf: (peerId: string) => string, w: Words['requests']): Step[] {
  const { attempts, outcome, duration_ms } = request
  const steps: Step[] = [{ ms: 0, text: w.step.came }]
  for (const [index, attempt] of attempts.entries()) {
    const { peer_id, started_ms, first_chunk_ms, ended_ms, chunks } = attempt
    const name = nameOf(peer_id)
    steps.push({
      ms: started_ms,
      text: w.step[howAsked(attempts.slice(0, index), attempt)](name, number(attempt.from))
    })
    if (first_chunk_ms !== null) steps.push({ ms: started_ms + first_chunk_ms, text: w.step.first(name) })
    if (ended_ms === null) continue
    const pieces = number(chunks)
    const text =
      attempt.outcome === 'answered'
        ? w.step.answered(name, pieces)
        : w.step.ended(name, attempt.outcome ?? '', pieces)
    steps.push({ ms: ended_ms, text })
  }
  if (duration_ms !== null) {
    steps.push({ ms: duration_ms, text: outcome === 'answered' ? w.step.done : w.step.failed(outcome ?? '') })
  }
  return steps.sort((one, other) => one.ms - other.ms)
}

function howAsked(
  before: readonly Attempt[],
  { started_ms, from }: Attempt
): 'sent' | 'beside' | 'goesOn' | 'next' {
  if (before.length === 0) return 'sent'
  if (before.some(({ ended_ms }) => ended_ms === null || ended_ms > started_ms)) return 'beside'
  return from > 0 ? 'goesOn' : 'next'
}
