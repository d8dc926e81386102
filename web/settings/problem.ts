/** Whether the node would take a value, asked while it is typed. */

import { useEffect, useState } from 'preact/hooks'
import { call, LumosClientError } from '../node.ts'
import type { Setting } from './values.ts'

/** A pause of a person who types. */
const SETTLE_MS = 300

/** Undefined while nothing is known to be wrong; `checked` once the node has answered for this value. */
export function useProblem({ key }: Setting, value: unknown, isChanged: boolean) {
  const [answer, setAnswer] = useState<{ for: string; problem?: string }>()
  const wanted = JSON.stringify(value)
  useEffect(() => {
    if (!isChanged) return
    const left = new AbortController()
    const timer = setTimeout(async () => {
      try {
        await call('config.set', { key, value: JSON.parse(wanted), check: true }, { signal: left.signal })
        setAnswer({ for: wanted })
      } catch (err) {
        if (!left.signal.aborted) setAnswer({ for: wanted, problem: problemOf(err, key) })
      }
    }, SETTLE_MS)
    return () => {
      clearTimeout(timer)
      left.abort()
    }
  }, [key, wanted, isChanged])
  const isKnown = isChanged && answer?.for === wanted
  return { checked: isKnown, problem: isKnown ? answer.problem : undefined }
}

/** Of `lumos.yaml:5:3: models.keepAlive: expected …`, the part for those who see the field. */
function problemOf(err: unknown, key: string): string {
  const { message } = err as Error
  if (!(err instanceof LumosClientError)) return message
  const problems = Array.isArray(err.details.problems) ? err.details.problems.map(String) : []
  const own = problems.find(problem => problem.includes(`${key}: `) || problem.includes(`${key}[`))
  if (own === undefined) return problems[0] ?? message
  const rest = own.slice(own.indexOf(key) + key.length)
  return rest.replace(/^: /, '')
}
