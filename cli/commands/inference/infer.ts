/** `infer`: ask a model, or any model that does a task. */

import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import type { InferenceChunk } from '../../../interface/inference.ts'
import type { RankedPeer } from '../../../interface/node.ts'
import { closestNames } from '../../../interface/suggest.ts'
import { TASK_NAMES, type TaskName, type TaskOutput } from '../../../interface/tasks.ts'
import type { ModelList } from '../../../units/model.ts'
import { findNode, type Meta, type NodeClient } from '../../client.ts'
import { isElsewhere, readBytes, readJson, readText } from '../../input.ts'
import type { Invocation } from '../../invocation.ts'
import type { Output } from '../../output.ts'
import { milliseconds } from '../../quantities.ts'

interface InferOptions {
  readonly task?: string
  readonly peer?: string
  readonly timeout?: number
  readonly topK?: number
  readonly maxTokens?: number
  readonly jsonl?: boolean
  readonly explain?: boolean
}

interface Answer {
  readonly task: TaskName
  readonly model: string
  readonly output: unknown
}

export async function run({ args, options, output }: Invocation<InferOptions>): Promise<void> {
  const [what, argument] = args as [string, string]
  const node = findNode(options)
  const { task, model } = await chosen(node, what, options.task)
  const question = { task, model, input: await inputFor(task, argument), params: paramsFor(task, options) }
  const asking = { peer: options.peer, timeoutMs: options.timeout && Math.ceil(options.timeout * 1000) }

  if (options.explain) await explain(node, { task, model }, options, output)

  let meta: Meta
  if (options.jsonl || (task === 'text-generation' && !output.json)) {
    meta = await printPieces(node.stream('inference.run', question, asking), output, options.jsonl === true)
  } else {
    const answer = await node.execute<Answer>('inference.run', question, asking)
    meta = answer.meta
    printAnswer(answer.data, meta, output)
  }
  if (options.verbose) {
    output.note(`Answered by ${meta.peer} (${meta.route}) in ${milliseconds(meta.duration_ms)}.`)
  }
}

/** The ranking, for people: what each peer's place is made of. */
async function explain(
  node: NodeClient,
  wanted: { task: TaskName; model?: string },
  { peer }: InferOptions,
  output: Output
): Promise<void> {
  const { items } = (await node.execute<{ items: RankedPeer[] }>('inference.explain', wanted, { peer })).data
  for (const [i, { name, model, cost_ms, parts }] of items.entries()) {
    const why = parts.map(({ reason, ms }) => `${reason} ${milliseconds(ms)}`).join(', ')
    output.note(`${i + 1}. ${name} with ${model}: ${milliseconds(cost_ms)} (${why})`)
  }
}

const isTask = (name: string): name is TaskName => TASK_NAMES.some(task => task === name)

/** A task by its name; else a model, whose task decides what the input means. */
async function chosen(
  node: NodeClient,
  what: string,
  wanted: string | undefined
): Promise<{ task: TaskName; model?: string }> {
  if (wanted !== undefined && !isTask(wanted)) {
    throw new LumosError('USAGE', `There is no task "${wanted}".`, {
      hint: `Tasks: ${TASK_NAMES.join(', ')}.`
    })
  }
  if (isTask(what)) return { task: what }

  const { items } = (await node.execute<ModelList>('model.list')).data
  const offers = items.filter(({ id }) => id === what)
  if (offers.length === 0) throw modelNotFound(what, items)
  // Raw tensors are how programs ask; a person means the task that the model was made for.
  const tasks = offers
    .map(({ type }) => type)
    .filter(isTask)
    .sort((a, b) => rawness(a) - rawness(b))
  const task = wanted ?? tasks[0]
  if (task === undefined || !tasks.includes(task)) {
    throw new InvalidInputError(`${what} does not do ${task ?? 'any task that is known here'}.`, {
      hint: `It does: ${offers.map(({ type }) => type).join(', ')}.`
    })
  }
  return { task, model: what }
}

function modelNotFound(what: string, items: readonly { readonly id: string }[]): LumosError {
  const closest = closestNames(what, [...items.map(({ id }) => id), ...TASK_NAMES])
  return new LumosError('MODEL_NOT_FOUND', `No device offers "${what}".`, {
    hint: closest.length > 0 ? `Closest: ${closest.join(', ')}.` : 'See what there is: lumos-node models'
  })
}

const rawness = (task: TaskName): number => (task === 'tensor' ? 1 : 0)

async function inputFor(task: TaskName, argument: string): Promise<unknown> {
  switch (task) {
    case 'image-classification':
      if (!isElsewhere(argument)) {
        throw new LumosError('USAGE', `An image is given as a file: @${argument}.`)
      }
      return { image: (await readBytes(argument)).toString('base64') }
    case 'text-generation':
      return { messages: [{ role: 'user', content: await readText(argument) }] }
    case 'tensor':
      return readJson(argument)
  }
}

function paramsFor(task: TaskName, { topK, maxTokens }: InferOptions): Record<string, unknown> {
  if (topK !== undefined && task !== 'image-classification') throw notFor('--top-k', task)
  if (maxTokens !== undefined && task !== 'text-generation') throw notFor('--max-tokens', task)
  return { top_k: topK, max_tokens: maxTokens }
}

const notFor = (option: string, task: TaskName): LumosError =>
  new LumosError('USAGE', `${option} means nothing to ${task}.`)

async function printPieces(
  pieces: AsyncGenerator<unknown, Meta>,
  output: Output,
  asJson: boolean
): Promise<Meta> {
  let last = '\n'
  for (;;) {
    const next = await pieces.next()
    if (next.done) {
      if (!last.endsWith('\n')) await output.raw('\n')
      return next.value
    }
    const chunk = next.value as InferenceChunk
    if (asJson) await output.raw(`${JSON.stringify(chunk)}\n`)
    else if (chunk.type === 'text') {
      last = chunk.text
      await output.raw(last)
    }
  }
}

function printAnswer(answer: Answer, { peer, route, duration_ms }: Meta, output: Output): void {
  const { task, model } = answer
  output.data({ task, model, output: answer.output, meta: { peer, route, duration_ms } }, () => {
    if (task !== 'image-classification') return JSON.stringify(answer.output)
    const { labels } = answer.output as TaskOutput<'image-classification'>
    return output.table(
      ['LABEL', 'SCORE'],
      labels.map(({ label, score }) => [label, score.toFixed(4)])
    )
  })
}
