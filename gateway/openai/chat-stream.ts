/** An answer of a chat in chunks. */

import {
  beside,
  type ChoicePiece,
  callId,
  type Done,
  finishOf,
  type Logprobs,
  type Piece
} from '../asking/pieces.ts'
import { DONE, dataEvent, progressComment } from '../asking/stream.ts'
import { chatUsage } from './chat-parts.ts'
import { errorOf } from './errors.ts'
import { chatLogprobs } from './logprobs.ts'

export interface ChatHead {
  readonly id: string
  readonly created: number
  readonly model: string
}

export interface ChatStreamOptions extends ChatHead {
  readonly choices: number
  readonly withUsage: boolean
  readonly withLogprobs: boolean
}

/** The end of a stream that failed: clients raise it. No reason to end and no `[DONE]` come with it. */
export const failureEvent = (thrown: unknown): string => dataEvent({ error: errorOf(thrown).error })

export async function* chatChunks(
  pieces: AsyncIterable<ChoicePiece>,
  { id, created, model, choices, withUsage, withLogprobs }: ChatStreamOptions
): AsyncGenerator<string, void, undefined> {
  const head = { id, object: 'chat.completion.chunk', created, model }
  const usage = withUsage ? { usage: null } : {}
  const all = Array.from(
    { length: choices },
    (_, i) => new ChoiceChunks(`${id.replace(/^chatcmpl-/, '')}_${i}`)
  )

  for await (const { choice, piece } of pieces) {
    const chunks = all[choice]!.take(piece)
    const events = chunks.map(({ delta, logprobs, finish = null, more }) =>
      dataEvent({
        ...head,
        choices: [
          {
            ...{ index: choice, delta },
            logprobs: withLogprobs && logprobs !== undefined ? chatLogprobs(logprobs) : null,
            finish_reason: finish,
            ...more
          }
        ],
        ...usage
      })
    )
    const text = piece.type === 'progress' ? progressComment(piece) : events.join('')
    if (text !== '') yield text
  }
  if (withUsage) yield dataEvent({ ...head, choices: [], usage: chatUsage(all.map(one => one.usage)) })
  yield DONE
}

interface ChunkParts {
  readonly delta: object
  readonly logprobs?: Logprobs | undefined
  readonly finish?: string
  readonly more?: object
}

/** The chunks of one choice. */
class ChoiceChunks {
  readonly #choiceId: string
  /** Calls whose id and name have been sent. */
  readonly #called = new Set<number>()
  #begun = false
  usage: Done['usage'] | undefined

  constructor(choiceId: string) {
    this.#choiceId = choiceId
  }

  take(piece: Piece): ChunkParts[] {
    if (piece.type === 'progress' || piece.type === 'data') return []
    const chunks = this.#chunksOf(piece)
    if (this.#begun) return chunks
    this.#begun = true
    return [{ delta: { role: 'assistant', content: '', refusal: null } }, ...chunks]
  }

  #chunksOf(piece: Piece): ChunkParts[] {
    if (piece.type === 'text') return [{ delta: { content: piece.text } }]
    if (piece.type === 'done') {
      this.usage = piece.usage
      return [
        { delta: {}, finish: finishOf(piece.finish_reason, this.#called.size > 0), more: beside(piece) }
      ]
    }
    if (piece.type !== 'delta') return []
    const { text, reasoning, tool_calls, logprobs } = piece
    const delta = {
      ...(text !== undefined && { content: text }),
      ...(reasoning !== undefined && { reasoning_content: reasoning, reasoning }),
      ...(tool_calls !== undefined && { tool_calls: tool_calls.map(call => this.#callOf(call)) })
    }
    if (Object.keys(delta).length === 0 && logprobs === undefined) return []
    return [{ delta, logprobs }]
  }

  /** Its id, type and name come once, and its arguments as a string. */
  #callOf({ index, id, name, arguments: words = '' }: ToolCallPiece): object {
    if (this.#called.has(index)) return { index, function: { arguments: words } }
    this.#called.add(index)
    return {
      ...{ index, id: id ?? callId(this.#choiceId, index), type: 'function' },
      function: { name: name ?? '', arguments: words }
    }
  }
}

type ToolCallPiece = NonNullable<Extract<Piece, { type: 'delta' }>['tool_calls']>[number]
