/** Answers of units in pieces: of one or several choices at once, each as it comes. */

import type { InferenceChunk } from '../../interface/chunks.ts'
import type { SnakeCase } from '../../interface/snake-case.ts'
import type { UnitContext } from '../../interface/units.ts'
import type { UnitRegistry } from '../../units/index.ts'

/** A chunk in the JSON of units. */
export type Piece = SnakeCase<InferenceChunk>
export type Done = Extract<Piece, { type: 'done' }>
export type Logprobs = NonNullable<Extract<Piece, { type: 'delta' }>['logprobs']>

/** What `inference.chat` answers, in the names of the code. */
export interface ChatAnswer {
  readonly content: string
  readonly reasoning?: string
  readonly toolCalls?: readonly { readonly id: string; readonly name: string; readonly arguments: string }[]
  readonly logprobs?: Logprobs
  readonly finishReason: string
  readonly continued?: 'exact' | 'prefill'
  readonly receipts?: string[]
  readonly usage: { readonly inputTokens?: number; readonly outputTokens?: number }
}

export interface ChoicePiece {
  readonly choice: number
  readonly piece: Piece
}

/** One call of a unit for each choice. */
export interface Calls {
  readonly unit: string
  readonly inputs: readonly object[]
  /** Of the first; the others have ids made of its own. */
  readonly context: UnitContext
}

/** All answers whole, in their order. The first that fails ends the others. */
export async function executeAll<Data>(
  units: UnitRegistry,
  { unit, inputs, context }: Calls
): Promise<SnakeCase<Data>[]> {
  const stop = new AbortController()
  try {
    return await Promise.all(
      inputs.map(async (input, i) => {
        return (await units.execute(unit, input, ofChoice(context, i, stop.signal))) as SnakeCase<Data>
      })
    )
  } catch (err) {
    stop.abort()
    throw err
  }
}

/** The pieces of all answers. Each stream is asked for a piece only when its last one was taken. */
export async function* streamAll(
  units: UnitRegistry,
  { unit, inputs, context }: Calls
): AsyncGenerator<ChoicePiece, void, undefined> {
  const stop = new AbortController()
  const streams = inputs.map((input, i) =>
    units.stream(unit, input, ofChoice(context, i, stop.signal))[Symbol.asyncIterator]()
  )
  const next = async (choice: number) => ({ choice, result: await streams[choice]!.next() })
  const waiting = new Map(streams.map((_, choice) => [choice, next(choice)]))
  try {
    while (waiting.size > 0) {
      const { choice, result } = await (waiting.size === 1
        ? waiting.values().next().value!
        : Promise.race(waiting.values()))
      if (result.done) waiting.delete(choice)
      else {
        yield { choice, piece: result.value as Piece }
        waiting.set(choice, next(choice))
      }
    }
  } finally {
    // Those that have ended are not told: an abort costs as much as a word.
    if (waiting.size > 0) stop.abort()
    for (const choice of waiting.keys()) void streams[choice]!.return?.()?.catch(() => {})
  }
}

function ofChoice(context: UnitContext, choice: number, stop: AbortSignal): UnitContext {
  const { requestId, answer, signal } = context
  const further = choice === 0 ? '' : `.${choice}`
  return {
    ...context,
    requestId: `${requestId}${further}`,
    ...(answer && { answer: { ...answer, id: `${answer.id}${further}` } }),
    signal: signal === undefined ? stop : AbortSignal.any([signal, stop])
  }
}

/**
 * What the protocol of OpenAI has no place for, beside an answer: how it went on where it was cut, and the receipts
 * that were asked for. Nothing where there is neither, so that an answer looks as clients know it.
 */
export const beside = ({ continued, receipts }: Pick<Done, 'continued' | 'receipts'>): { lumos?: object } =>
  continued === undefined && receipts === undefined
    ? {}
    : { lumos: { ...(continued && { continued }), ...(receipts && { receipts }) } }

/** Tokens of all choices: the question counts once. */
export function usageOf(all: readonly (Done['usage'] | undefined)[]) {
  const inputTokens = Math.max(0, ...all.map(usage => usage?.input_tokens ?? 0))
  const outputTokens = all.reduce((sum, usage) => sum + (usage?.output_tokens ?? 0), 0)
  return { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens }
}

/** Engines may leave ids of calls out. They come back in the next request: they are made of the id of the request. */
export const callId = (choiceId: string, index: number): string => `call_${choiceId}_${index}`

/** Reasons that clients know. A model that calls tools waits for them, whatever its engine says of its end. */
export function finishOf(reason: string, calls: boolean): string {
  if (calls && reason !== 'length') return 'tool_calls'
  return ['length', 'content_filter'].includes(reason) ? reason : 'stop'
}
