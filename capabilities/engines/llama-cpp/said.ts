/** An answer that goes on after what was said of it, token by token. */

import { cannotGoOn } from '../text/unsaid.ts'
import type { LlamaChoice } from './choices.ts'
import { PIECE_TOKENS } from './conversations.ts'
import type { Library, LlamaModel, Sampling, Sequence, Token } from './library.ts'

export interface SaidChoice extends LlamaChoice {
  /** Of a token that was said: whether this model would have chosen it. */
  readonly isOwn?: boolean
}

export interface SaidOptions {
  readonly library: Library
  readonly model: LlamaModel
  readonly prompt: readonly Token[]
  readonly said: readonly Token[]
  readonly sampling: Sampling
  /** Whether each token depends on nothing but those before it. */
  readonly isGreedy: boolean
  /** Whether the same choices would be made again. */
  readonly isRepeatable: boolean
  readonly signal: AbortSignal | undefined
  /** Makes the sequence hold these tokens. */
  hold(tokens: readonly Token[]): Promise<void>
  /** The last choice counts for nothing: grammars are where they were before it. */
  undo(): void
  /** What follows this token, which the sequence does not hold yet. */
  choices(after: Token): AsyncGenerator<LlamaChoice>
}

/** A sequence that holds the prompt but its last token. */
export async function* goOn(sequence: Sequence, options: SaidOptions): AsyncGenerator<SaidChoice> {
  const { prompt, said, choices, hold, isGreedy, isRepeatable } = options
  if (isGreedy) {
    yield* read(sequence, options)
    yield* choices(said.at(-1)!)
    return
  }
  let same = 0
  if (isRepeatable) {
    for await (const choice of choices(prompt.at(-1)!)) {
      if (same >= said.length) yield choice
      else if (choice.token === said[same]) {
        same++
        yield { token: choice.token, isOwn: true }
      } else break
    }
    if (same === said.length) return
  }
  options.undo()
  yield* follow(sequence, same, options)
  await hold([...prompt, ...said.slice(0, -1)])
  yield* choices(said.at(-1)!)
}

/** All of what was said at once, with what the model would have chosen instead. */
async function* read(sequence: Sequence, { prompt, said, signal }: SaidOptions): AsyncGenerator<SaidChoice> {
  const before = [prompt.at(-1)!, ...said.slice(0, -1)]
  for (let at = 0; at < before.length; at += PIECE_TOKENS) {
    signal?.throwIfAborted()
    const tokens = before.slice(at, at + PIECE_TOKENS)
    const results = await sequence.controlledEvaluate(
      tokens.map(token => [token, { generateNext: { token: true, options: { temperature: 0 } } }])
    )
    for (const [i] of tokens.entries()) {
      const token = said[at + i]!
      yield { token, isOwn: results[i]?.next.token === token }
    }
  }
}

/** What was said from its token `from` on, one by one where a grammar has to follow it. */
async function* follow(
  sequence: Sequence,
  from: number,
  { library, model, prompt, said, sampling, signal, hold }: SaidOptions
): AsyncGenerator<SaidChoice> {
  for (let at = from; at < said.length; at++) {
    const token = said[at]!
    if (sampling.grammarEvaluationState?.() !== undefined) {
      signal?.throwIfAborted()
      const before = [...prompt, ...said.slice(0, at)]
      await hold(before.slice(0, -1))
      const tokenBias = () => library.TokenBias.for(model).set(token, { logit: FORCED })
      const forced = sequence.evaluate(before.slice(-1), { ...sampling, temperature: 0, tokenBias })
      const { value } = await forced.next()
      await forced.return(undefined)
      if (value !== token) throw cannotGoOn('what was said is not as the schema says')
    }
    yield { token, isOwn: false }
  }
}

/** More than what a model makes of any other token. */
const FORCED = 1e6
