/** An answer in blocks: the events of a stream as they come, and the message that they make. */

import { EngineFailedError } from '../../interface/errors.ts'
import { isDeeper } from '../../interface/json-extent.ts'
import { isRecord } from '../../interface/record.ts'
import { beside, callId, type Done, finishOf, type Piece } from '../asking/pieces.ts'

const STOP_REASONS: Readonly<Record<string, string>> = {
  length: 'max_tokens',
  tool_calls: 'tool_use',
  content_filter: 'refusal'
}
/** Objects and lists of arguments within one another: as deep as a schema may be. */
const ARGUMENTS_DEPTH_MAX = 64

export interface MessageEvent {
  readonly type: string
  readonly [field: string]: unknown
}

type Block =
  | { readonly type: 'text'; text: string }
  | { readonly type: 'thinking'; thinking: string }
  | { readonly type: 'tool_use'; readonly call: number; readonly id: string; name: string; words: string }

export interface OutputOptions {
  /** Of which the ids of the message and of calls without one are made. */
  readonly requestId: string
  readonly model: string
  /** Whether reasoning is part of the answer. */
  readonly thinking: boolean
}

export class MessageOutput {
  readonly #options: OutputOptions
  readonly #blocks: Block[] = []
  #begun = false
  #done: Done | undefined

  constructor(options: OutputOptions) {
    this.#options = options
  }

  /** @throws {EngineFailedError} where a call goes on after the next block has begun: blocks follow each other. */
  add(piece: Piece): MessageEvent[] {
    if (piece.type === 'progress' || piece.type === 'data' || piece.type === 'output') return []
    const begin = this.#begun ? [] : [{ type: 'message_start', message: this.#head() }]
    this.#begun = true
    if (piece.type === 'text') return [...begin, ...this.#text(piece.text)]
    if (piece.type === 'done') return [...begin, ...this.#end(piece)]
    const { reasoning = '', text = '', tool_calls = [] } = piece
    return [
      ...begin,
      ...this.#thinking(reasoning),
      ...this.#text(text),
      ...tool_calls.flatMap(call => this.#call(call))
    ]
  }

  /** The whole message. @throws {EngineFailedError} where the model wrote arguments that are no JSON object. */
  message() {
    return {
      ...this.#head(),
      content: this.#blocks.map(wholeOf),
      ...this.#ending(),
      usage: this.#usage(),
      ...(this.#done && beside(this.#done))
    }
  }

  #head() {
    const { requestId, model } = this.#options
    return {
      ...{ id: `msg_${requestId}`, type: 'message', role: 'assistant', model, content: [] as object[] },
      ...{ stop_reason: null as string | null, stop_sequence: null },
      usage: this.#usage()
    }
  }

  #usage() {
    const { input_tokens = 0, output_tokens = 0 } = this.#done?.usage ?? {}
    return { input_tokens, output_tokens, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 }
  }

  /** Engines do not say which sequence ended an answer. */
  #ending() {
    const calls = this.#blocks.some(({ type }) => type === 'tool_use')
    const reason = finishOf(this.#done?.finish_reason ?? 'stop', calls)
    return { stop_reason: STOP_REASONS[reason] ?? 'end_turn', stop_sequence: null }
  }

  #thinking(thinking: string): MessageEvent[] {
    if (thinking === '' || !this.#options.thinking) return []
    const last = this.#blocks.at(-1)
    const block = last?.type === 'thinking' ? last : { type: 'thinking' as const, thinking: '' }
    const opened = block === last ? [] : this.#open(block, { ...block, signature: '' })
    block.thinking += thinking
    return [...opened, this.#delta({ type: 'thinking_delta', thinking })]
  }

  #text(text: string): MessageEvent[] {
    if (text === '') return []
    const last = this.#blocks.at(-1)
    const block = last?.type === 'text' ? last : { type: 'text' as const, text: '' }
    const opened = block === last ? [] : this.#open(block, { ...block, citations: null })
    block.text += text
    return [...opened, this.#delta({ type: 'text_delta', text })]
  }

  #call({ index, id, name = '', arguments: words = '' }: ToolCallPiece): MessageEvent[] {
    const found = this.#blocks.find(block => block.type === 'tool_use' && block.call === index)
    if (found === undefined) {
      const block = {
        ...{ type: 'tool_use' as const, call: index, name, words },
        id: id ?? callId(this.#options.requestId, index)
      }
      const opened = this.#open(block, { type: 'tool_use', id: block.id, name, input: {} })
      return words === '' ? opened : [...opened, this.#delta(argumentsDelta(words))]
    }
    if (found !== this.#blocks.at(-1) || found.type !== 'tool_use')
      throw new EngineFailedError('The engine went on with a tool call after the next one had begun.')
    found.words += words
    return words === '' ? [] : [this.#delta(argumentsDelta(words))]
  }

  #open(block: Block, content_block: object): MessageEvent[] {
    const closed = this.#close()
    this.#blocks.push(block)
    return [...closed, { type: 'content_block_start', index: this.#blocks.length - 1, content_block }]
  }

  #close(): MessageEvent[] {
    const index = this.#blocks.length - 1
    return index < 0 ? [] : [{ type: 'content_block_stop', index }]
  }

  #delta(delta: object): MessageEvent {
    return { type: 'content_block_delta', index: this.#blocks.length - 1, delta }
  }

  #end(done: Done): MessageEvent[] {
    this.#done = done
    return [
      ...this.#close(),
      { type: 'message_delta', delta: this.#ending(), usage: this.#usage(), ...beside(done) },
      { type: 'message_stop' }
    ]
  }
}

type ToolCallPiece = NonNullable<Extract<Piece, { type: 'delta' }>['tool_calls']>[number]

const argumentsDelta = (partial_json: string) => ({ type: 'input_json_delta', partial_json })

function wholeOf(block: Block): object {
  if (block.type === 'text') return { type: 'text', text: block.text, citations: null }
  if (block.type === 'thinking') return { type: 'thinking', thinking: block.thinking, signature: '' }
  return { type: 'tool_use', id: block.id, name: block.name, input: argumentsOf(block) }
}

/** A client gets an object, which a model may have written wrong. */
function argumentsOf({ name, words }: Extract<Block, { type: 'tool_use' }>): object {
  const value = words.trim() === '' ? {} : jsonOf(words)
  if (isRecord(value) && !isDeeper(value, ARGUMENTS_DEPTH_MAX)) return value
  throw new EngineFailedError(`The model called the tool ${name} with arguments that are no JSON object.`)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
