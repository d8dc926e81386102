/** `infer`: ask a model, or any model that does a task. */

import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import { isRecord } from '../../../interface/record.ts'
import type { RankedPeer, RoutedRequest } from '../../../interface/routing.ts'
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
import { findNode, type Meta, type NodeClient } from '../../client.ts'
import { readJson } from '../../input.ts'
import type { Invocation } from '../../invocation.ts'
import { type Output, printable } from '../../output.ts'
import { milliseconds } from '../../quantities.ts'
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

  if (options.explain) await explain(node, { task, model }, options, output)

  if (options.detach) {
    const answer = await node.detached('inference.run', question, asking)
    output.data({ answer }, () => answer)
    return
  }
  let meta: Meta
  if (options.jsonl || media !== undefined || (definitionOf(task).pieces !== undefined && !output.json)) {
    const asked = node.stream('inference.run', question, asking)
    const signed = receipt?.through(asked) ?? asked
    const pieces = media?.through(signed) ?? signed
    if (media instanceof MediaFiles && output.json) {
      meta = await printFiles(pieces, media, { task, model }, output)
    } else {
      meta = await printPieces(pieces, output, options.jsonl === true)
      if (media instanceof MediaFiles) noteFiles(media, output)
    }
  } else {
    const answer = await node.execute<Answer>('inference.run', question, asking)
    meta = answer.meta
    receipt?.take(answer.data)
    printAnswer(answer.data, meta, output)
  }
  receipt?.write(output)
  if (options.explain) await whatHappened(node, meta, output)
  if (options.verbose) {
    output.note(`Answered by ${meta.peer} (${meta.route}) in ${milliseconds(meta.duration_ms)}.`)
  }
}

/** The ranking, for people: what each peer's place is made of. */
async function explain(
  node: NodeClient,
  wanted: { task: TaskName; model?: string },
  { peer, policy }: InferOptions,
  output: Output
): Promise<void> {
  const { items } = (
    await node.execute<{ items: RankedPeer[] }>('inference.explain', wanted, { peer, policy })
  ).data
  for (const [i, { name, model, cost_ms, parts, joules_per_token }] of items.entries()) {
    const why = parts.map(({ reason, ms }) => `${reason} ${milliseconds(ms)}`).join(', ')
    const energy = joules_per_token === undefined ? '' : `, ${joules_per_token} J a token`
    output.note(`${i + 1}. ${name} with ${model}: ${milliseconds(cost_ms)}${energy} (${why})`)
  }
}

/** Whom the request was sent to, in turn, and what came of each. */
async function whatHappened(node: NodeClient, { request_id: id }: Meta, output: Output): Promise<void> {
  const { request } = (await node.execute<{ request: RoutedRequest }>('inference.explain', { id })).data
  const names = new Map(request.candidates.map(({ peer_id, name }) => [peer_id, name]))
  for (const { peer_id, first_chunk_ms, chunks, outcome } of request.attempts) {
    const first = first_chunk_ms === null ? 'silent' : `first piece after ${milliseconds(first_chunk_ms)}`
    const name = printable(names.get(peer_id) ?? peer_id)
    output.note(`Asked ${name}: ${first}, pieces ${chunks}, ${outcome ?? 'under way'}.`)
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
