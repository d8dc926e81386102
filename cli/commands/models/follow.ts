/** Waits for work on weights, and prints what came of it. */

import type { SnakeCase } from '../../../interface/snake-case.ts'
import type { Begun } from '../../../units/begun.ts'
import type { NodeClient } from '../../client.ts'
import { onInterrupt } from '../../interrupted.ts'
import type { Output } from '../../output.ts'
import { failureOf, type Job, waitFor } from '../jobs/wait.ts'

export interface FollowOptions {
  /** Absent means to wait. */
  readonly wait: boolean
  readonly jsonl?: boolean
}

/** @returns the result once it is printed; nothing where the caller does not wait. */
export async function follow<Result>(
  node: NodeClient,
  { job_id: id, ...begun }: SnakeCase<Begun>,
  output: Output,
  { wait, jsonl = false }: FollowOptions,
  words: (result: Result) => string
): Promise<Result | undefined> {
  const how = `Follow it: lumos-node job show ${id} --wait. Give it up: lumos-node job cancel ${id}`
  if (!wait) {
    output.data({ ...begun, job_id: id }, () => `It goes on without you. ${how}`)
    return undefined
  }
  using _ = onInterrupt(output, `\nThe job goes on. ${how}`)
  const job = await waitFor(node, id, output, changed => {
    if (jsonl) printStep(changed, output)
  })
  const failure = failureOf(job)
  if (failure !== undefined) throw failure
  const result = job.result as Result
  if (jsonl) output.line(JSON.stringify({ type: 'result', ...result }))
  else output.data(result, () => words(result))
  return result
}

function printStep({ id, state, progress }: Job, output: Output): void {
  if (progress === null) return
  const { done, total, message, per_second, left_ms, sources = [] } = progress
  const from = sources.map(({ from, amount }) => ({ from, bytes: amount }))
  output.line(
    JSON.stringify({
      ...{ type: 'progress', job_id: id, state, done, total, message },
      ...{ per_second: per_second ?? null, left_ms: left_ms ?? null, sources: from }
    })
  )
}
