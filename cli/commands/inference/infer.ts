/** `infer`: ask a model, or any model that does a task. */

import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import { isRecord } from '../../../interface/record.ts'
import type { RoutedRequest } from '../../../interface/routing.ts'
import { snakeCase } from '../../../interface/snake-case.ts'
import { closestNames } from '../../../interface/suggest.ts'
import {
  definitionOf,
  isTaskName,
  meantTask,
  TASK_NAMES,
  type TaskName
} from '../../../interface/tasks/index.ts'
import type { ModelList } from '../../../units/model.ts'
import { type AskOptions, findNode, type Meta, type NodeClient } from '../../client.ts'
import { readJson } from '../../input.ts'
import type { Invocation } from '../../invocation.ts'
import type { Output } from '../../output.ts'
import { milliseconds } from '../../quantities.ts'
import { explained } from '../requests/explain.ts'
import { answerText } from './answer-text.ts'
import { inputFor } from './infer-input.ts'
import { MediaFiles, mediaFor, noteFiles, printFiles } from './media.ts'
import { printPieces } from './pieces.ts'
import { ReceiptFile } from './receipts.ts'
import { embedded, vectorLines } from './vectors.ts'

interface InferOptions extends ParamOptions {
  readonly task?: string
  readonly peer?: string
  readonly policy?: string
  /** False for `--no-continue`. */
  readonly continue?: boolean
  readonly timeout?: number
  readonly jsonl?: boolean
  readonly explain?: boolean
  readonly detach?: boolean
  readonly receipt?: string
  readonly out?: string
  readonly force?: boolean
}

interface Answer {
  readonly task: TaskName
  readonly model: string
  readonly output: unknown
  readonly continued?: string
}

export async function run({ args, options, output }: Invocation<InferOptions>): Promise<void> {
  const [what, ...given] = args as [string, ...string[]]
  const node = findNode(options)
  const { task, model, others } = await chosen(node, what, options.task)
  const media = mediaFor(task, options, output)
  const params = { ...(await statedParams(options.params)), ...paramsFor(task, options) }
  const question = { task, model, input: await inputFor(task, given, others), params }
  const asking = {
    peer: options.peer,
    policy: options.policy,
    ...(options.continue === false && { continuation: 'none' as const }),
    timeoutMs: options.timeout && Math.ceil(options.timeout * 1000),
    ...(options.receipt !== undefined && { receipt: true })
  }
  const receipt = options.receipt === undefined ? undefined : new ReceiptFile(options.receipt, question)

  if (options.detach) {
    const answer = await node.detached('inference.run', question, asking)
    output.data({ answer }, () => answer)
    return
  }
  const answer = () => answered(node, { question, asking, media, receipt }, options, output)
  const meta = options.explain ? await explaining(node, answer, output) : await answer()
  receipt?.write(output)
  if (options.verbose) {
    output.note(`Answered by ${meta.peer} (${meta.route}) in ${milliseconds(meta.duration_ms)}.`)
  }
}

interface Asked {
  readonly question: { readonly task: TaskName; readonly model?: string | undefined }
  readonly asking: AskOptions
  readonly media: ReturnType<typeof mediaFor>
  readonly receipt: ReceiptFile | undefined
}

/** Prints the answer, as it comes or whole. */
async function answered(
  node: NodeClient,
  { question, asking, media, receipt }: Asked,
  { jsonl = false }: InferOptions,
  output: Output
): Promise<Meta> {
  const { task, model } = question
  if (jsonl || media !== undefined || (definitionOf(task).pieces !== undefined && !output.json)) {
    const asked = node.stream('inference.run', question, asking)
    const signed = receipt?.through(asked) ?? asked
    const pieces = media?.through(signed) ?? signed
    if (media instanceof MediaFiles && output.json) {
      return await printFiles(pieces, media, { task, ...(model !== undefined && { model }) }, output)
    }
    const meta = await printPieces(pieces, output, jsonl)
    if (media instanceof MediaFiles) noteFiles(media, output)
    return meta
  }
  const { data, meta } = await node.execute<Answer>('inference.run', question, asking)
  receipt?.take(data)
  printAnswer(data, meta, output)
  return meta
}

/** Says afterwards, for people, whom the request was sent to and why: most of all where it failed. */
async function explaining(node: NodeClient, answer: () => Promise<Meta>, output: Output): Promise<Meta> {
  const explain = async (id: string) => {
    const { data } = await node.execute<{ request: RoutedRequest }>('inference.explain', { id })
    output.note(explained(data.request))
  }
  try {
    const meta = await answer()
    await explain(meta.request_id)
    return meta
  } catch (thrown) {
    // Nothing is known of a request that was refused before any device was looked for.
    const id = thrown instanceof LumosError ? thrown.details.requestId : undefined
    if (typeof id === 'string') await explain(id).catch(() => {})
    throw thrown
  }
}

interface Chosen {
  readonly task: TaskName
  readonly model?: string
  /** What the model does too, where no task was stated. */
  readonly others?: readonly TaskName[]
}

/** A task by its name; else a model, whose task decides what the input means. */
export async function chosen(node: NodeClient, what: string, wanted: string | undefined): Promise<Chosen> {
  if (wanted !== undefined && !isTaskName(wanted)) {
    throw new LumosError('USAGE', `There is no task "${wanted}".`, {
      hint: `Tasks: ${TASK_NAMES.join(', ')}.`
    })
  }
  if (isTaskName(what)) return { task: what }

  const { items } = (await node.execute<ModelList>('model.list')).data
  const offers = items.filter(({ id }) => id === what)
  if (offers.length === 0) throw modelNotFound(what, items)
  const tasks = offers.map(({ type }) => type).filter(isTaskName)
  const task = wanted ?? meantTask(tasks)
  if (task === undefined || !tasks.includes(task)) {
    throw new InvalidInputError(`${what} does not do ${task ?? 'any task that is known here'}.`, {
      hint: `It does: ${offers.map(({ type }) => type).join(', ')}.`
    })
  }
  return { task, model: what, ...(wanted === undefined && { others: tasks.filter(type => type !== task) }) }
}

function modelNotFound(what: string, items: readonly { readonly id: string }[]): LumosError {
  const closest = closestNames(what, [...items.map(({ id }) => id), ...TASK_NAMES])
  return new LumosError('MODEL_NOT_FOUND', `No device offers "${what}".`, {
    hint: closest.length > 0 ? `Closest: ${closest.join(', ')}.` : 'See what there is: lumos-node models'
  })
}

/** @throws {LumosError} */
export async function statedParams(given = '{}'): Promise<Readonly<Record<string, unknown>>> {
  const params = await readJson(given)
  if (isRecord(params)) return params
  throw new LumosError('USAGE', '--params is no JSON object.')
}

/** Options that are parameters of some task. */
export interface ParamOptions {
  readonly params?: string
  readonly topK?: number
  readonly maxTokens?: number
  readonly labels?: readonly string[]
  readonly dataset?: string
  readonly threshold?: number
}
const PARAMS = {
  topK: '--top-k',
  maxTokens: '--max-tokens',
  labels: '--labels',
  dataset: '--dataset',
  threshold: '--threshold'
} as const

export function paramsFor(
  task: TaskName,
  options: Pick<ParamOptions, keyof typeof PARAMS>
): Record<string, unknown> {
  const { shape } = definitionOf(task).params
  const params: Record<string, unknown> = {}
  for (const [name, option] of Object.entries(PARAMS)) {
    const value = options[name as keyof typeof PARAMS]
    if (value === undefined) continue
    if (!Object.hasOwn(shape, name)) throw notFor(option, task)
    params[snakeCase(name)] = value
  }
  return params
}

const notFor = (option: string, task: TaskName): LumosError =>
  new LumosError('USAGE', `${option} means nothing to ${task}.`)

function printAnswer(answer: Answer, { peer, route, duration_ms, answer: id }: Meta, output: Output): void {
  const { task, model, continued } = answer
  const vectors = embedded(task, answer.output)
  const shown = vectors ?? answer.output
  const ending = continued === undefined ? {} : { continued }
  output.data(
    { task, model, output: shown, ...ending, meta: { peer, route, duration_ms, answer: id } },
    () => {
      if (vectors !== undefined) return vectorLines(vectors)
      return answerText(definitionOf(task).shown?.(answer.output) ?? answer.output, output)
    }
  )
}
