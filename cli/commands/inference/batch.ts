/** `batch`: ask for each of many inputs, over all devices that can. */

import { createWriteStream, renameSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { BatchResult } from '../../../interface/batch.ts'
import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import type { JobInfo } from '../../../interface/jobs.ts'
import { definitionOf, type TaskName } from '../../../interface/tasks/index.ts'
import { PRIVATE_FILE_MODE } from '../../../storage/database/durable-file.ts'
import { fromTilde } from '../../../storage/home/home-path.ts'
import { findNode, type NodeClient } from '../../client.ts'
import { onInterruptFirst } from '../../interrupted.ts'
import type { Invocation } from '../../invocation.ts'
import { type Output, printable } from '../../output.ts'
import { failureOf, waitFor } from '../jobs/wait.ts'
import { chosen, type ParamOptions, paramsFor, statedParams } from './infer.ts'

interface BatchOptions extends ParamOptions {
  readonly out: string
  readonly task?: string
  readonly verify?: number
  readonly timeout?: number
  readonly detach?: boolean
}

export async function run({ args, options, output }: Invocation<BatchOptions>): Promise<void> {
  const [what, ...named] = args as [string, ...string[]]
  const node = findNode(options)
  const { task, model } = await chosen(node, what, options.task)
  const out = pathOf(options.out)
  const fromStdin = named.includes('-') ? await keptStdin(task, out) : undefined
  const wanted = {
    ...{ task, model, out, verify: options.verify },
    params: { ...(await statedParams(options.params)), ...paramsFor(task, options) },
    inputs: named.map(input => (input === '-' ? fromStdin! : pathOf(input))),
    budget_ms: options.timeout && Math.ceil(options.timeout * 1000)
  }
  const forget = () => fromStdin !== undefined && rmSync(fromStdin, { force: true })
  const beginning = node.execute<JobInfo>('inference.batch', wanted).catch(thrown => {
    forget()
    throw thrown
  })
  if (options.detach) {
    const { data: begun } = await beginning
    output.data(begun, () => `It goes on without you. Follow it: lumos-node job show ${begun.id} --wait`)
    return
  }
  const id = beginning.then(({ data }) => data.id)
  const result = await followed(node, id, output, forget)
  forget()
  output.data(result, () => wordsFor(result, output))
  if (result.failed === 0) return
  throw new LumosError('BATCH_INCOMPLETE', `${result.failed} of ${result.items} inputs have no answer.`, {
    hint: `Their lines in ${out} have an error that says why.`
  })
}

const pathOf = (named: string): string => resolve(fromTilde(named.startsWith('@') ? named.slice(1) : named))

/** The node reads the inputs, also after this command has ended: what comes from a pipe lies beside the results meanwhile. */
async function keptStdin(task: TaskName, out: string): Promise<string> {
  const path = `${out}.stdin${definitionOf(task).argument.from === 'text' ? '' : '.jsonl'}`
  const draft = `${path}.tmp`
  try {
    await pipeline(process.stdin, createWriteStream(draft, { mode: PRIVATE_FILE_MODE }))
    renameSync(draft, path)
    return path
  } catch (err) {
    rmSync(draft, { force: true })
    throw new InvalidInputError(`${path} cannot be written: ${(err as Error).message}.`, { cause: err })
  }
}

/** An interrupt gives the batch up. A terminal that closes, or a command that is killed, leaves it to the node. */
async function followed(
  node: NodeClient,
  id: Promise<string>,
  output: Output,
  forget: () => unknown
): Promise<BatchResult> {
  using _ = onInterruptFirst(async () => {
    await id.then(begun => node.execute('job.cancel', { job_id: begun })).catch(() => {})
    forget()
    output.note('\nWhat is done stays. The same command goes on from there.')
  })
  const job = await waitFor(node, await id, output)
  const failure = failureOf(job)
  if (failure !== undefined) throw failure
  return job.result as BatchResult
}

function wordsFor({ items, before, failed, out, devices, samples }: BatchResult, output: Output): string {
  const facts = [
    `${items - failed} of ${items} inputs are answered in ${out}.`,
    ...(before > 0 ? [`${before} of them were there before.`] : []),
    ...(samples.agreed + samples.decided + samples.open > 0
      ? [
          `Samples: ${samples.agreed} agreed, ${samples.decided} were decided by a third device, ${samples.open} are open.`
        ]
      : []),
    ...(samples.open > 0 && devices.length === 1
      ? ['A second device is missing: no other one that offers the model took part.']
      : []),
    ...devices
      .filter(({ differed }) => differed > 0)
      .map(
        ({ name, differed, items: own }) =>
          `${printable(name)} gave other answers than two others to ${differed} samples. ${own} lines are its answers.`
      )
  ]
  if (devices.length === 0) return facts.join('\n')
  const rows = devices.map(({ name, items: own, failures }) => [name, String(own), String(failures)])
  return `${output.table(['DEVICE', 'INPUTS', 'TRIES FAILED'], rows)}\n\n${facts.join('\n')}`
}
