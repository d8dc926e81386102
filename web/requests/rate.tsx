/** How many requests there were in the last minutes, and how soon they were answered. */

import { useEffect, useState } from 'preact/hooks'
import { duration, number, time } from '../format.ts'
import { Card, Stat } from '../parts/basics.tsx'
import { Spark } from '../parts/spark.tsx'
import { useWords } from '../words/index.ts'
import { type Request, stateOf } from './log.ts'

const STEP_MS = 10_000
const STEPS = 60
const WIDTH = 10
const HEIGHT = 60

const medianOf = (values: readonly number[]): number | undefined =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]

const firstOf = (requests: readonly Request[]): number | undefined =>
  medianOf(requests.flatMap(({ first_chunk_ms }) => first_chunk_ms ?? []))

export function Rate({ requests }: { requests: readonly Request[] }) {
  const w = useWords().requests
  const now = useNow()
  const begin = (Math.floor(now / STEP_MS) - STEPS + 1) * STEP_MS
  const lately = requests.filter(({ at_ms }) => at_ms >= begin)
  const steps = Array.from({ length: STEPS }, (_, index) =>
    lately.filter(({ at_ms }) => Math.floor((at_ms - begin) / STEP_MS) === index)
  )
  const failed = lately.filter(request => stateOf(request) === 'failed').length
  const median = firstOf(lately)
  return (
    <Card title={w.lately}>
      <div class="rate">
        <div class="rate-stats">
          <Stat label={w.running} value={number(requests.filter(({ outcome }) => outcome === null).length)} />
          <Stat label={w.made} value={number(lately.length)} />
          <Stat label={w.failed} value={number(failed)} />
          <Stat
            label={w.medianFirst}
            value={median === undefined ? '–' : duration(median)}
            note={<Spark values={steps.flatMap(step => firstOf(step) ?? [])} label={w.medianHistory} />}
          />
        </div>
        <Bars steps={steps} begin={begin} />
      </div>
    </Card>
  )
}

function Bars({ steps, begin }: { steps: readonly (readonly Request[])[]; begin: number }) {
  const w = useWords().requests
  const most = Math.max(1, ...steps.map(step => step.length))
  const total = steps.reduce((sum, step) => sum + step.length, 0)
  return (
    <figure class="bars">
      <svg
        viewBox={`0 0 ${STEPS * WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={w.bars(total, most)}
      >
        {steps.map((step, index) => {
          const tall = (step.length / most) * HEIGHT
          const bad = (step.filter(request => stateOf(request) === 'failed').length / most) * HEIGHT
          const x = index * WIDTH + 1
          return (
            <g key={begin + index * STEP_MS}>
              <title>{w.bar(time(begin + index * STEP_MS), step.length)}</title>
              <rect
                x={x}
                y={HEIGHT - Math.max(tall, 1)}
                width={WIDTH - 2}
                height={Math.max(tall, 1)}
                class={tall > 0 ? 'some' : ''}
              />
              {bad > 0 && <rect x={x} y={HEIGHT - bad} width={WIDTH - 2} height={bad} class="bad" />}
            </g>
          )
        })}
      </svg>
      <figcaption class="dim">
        <span>{time(begin)}</span>
        <span>{w.most(most)}</span>
        <span>{w.now}</span>
      </figcaption>
    </figure>
  )
}

function useNow(): number {
  const [now, set] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => document.hidden || set(Date.now()), STEP_MS / 2)
    return () => clearInterval(timer)
  }, [])
  return now
}
