/** A response as it grows, and the events by which a client follows it. */

import { beside, type Done, type Logprobs, type Piece } from '../../asking/pieces.ts'
import type { UnitMessage } from './input.ts'

interface TextItem {
  readonly type: 'message'
  readonly id: string
  text: string
  logprobs: Logprobs
}
interface CallItem {
  readonly type: 'function_call'
  readonly id: string
  readonly callId: string
  readonly name: string
  words: string
}
interface ReasoningItem {
  readonly type: 'reasoning'
  readonly id: string
  text: string
}
type OutputItem = TextItem | CallItem | ReasoningItem

export interface ResponseEvent {
  readonly type: string
  readonly [field: string]: unknown
}

/** Puts the pieces of an answer into items, which come one after the other. */
export class ResponseOutput {
  readonly #answerId: string
  readonly #items: OutputItem[] = []
  /** Places of calls by their index in the answer. */
  readonly #calls = new Map<number, number>()
  readonly #open = new Set<number>()
  finishReason = 'stop'
  usage: Done['usage'] = {}
  /** How the answer went on, and its receipts. */
  more: object = {}

  constructor(answerId: string) {
    this.#answerId = answerId
  }

  items(): object[] {
    return this.#items.map((item, at) => itemOf(item, this.#open.has(at) ? 'in_progress' : 'completed'))
  }

  /** The answer as a message of the conversation that goes on from it. */
  message(): UnitMessage {
    const texts = this.#items.flatMap(item => (item.type === 'message' ? item.text : []))
    const calls = this.#items.flatMap(item =>
      item.type === 'function_call' ? { id: item.callId, name: item.name, arguments: item.words } : []
    )
    const content = texts.length === 0 && calls.length > 0 ? null : texts.join('')
    return { role: 'assistant', content, ...(calls.length > 0 && { calls }) }
  }

  add(piece: Piece): ResponseEvent[] {
    if (piece.type === 'done') {
      this.finishReason = String(piece.finish_reason)
      this.usage = piece.usage
      this.more = beside(piece)
      return this.#closeAll()
    }
    if (piece.type === 'text') return this.#addText(piece.text, [])
    if (piece.type !== 'delta') return []
    const { text = '', reasoning = '', tool_calls = [], logprobs = [] } = piece
    return [
      ...(reasoning === '' ? [] : this.#addReasoning(reasoning)),
      ...(text === '' && logprobs.length === 0 ? [] : this.#addText(text, logprobs)),
      ...tool_calls.flatMap(call => this.#addCall(call))
    ]
  }

  #addText(text: string, logprobs: Logprobs): ResponseEvent[] {
    const { at, item, events } = this.#current<TextItem>('message', id => ({
      type: 'message',
      id,
      text: '',
      logprobs: []
    }))
    item.text += text
    item.logprobs.push(...logprobs)
    const place = { item_id: item.id, output_index: at, content_index: 0 }
    return [
      ...events,
      { type: 'response.output_text.delta', ...place, delta: text, logprobs: logprobsOf(logprobs) }
    ]
  }

  #addReasoning(text: string): ResponseEvent[] {
    const { at, item, events } = this.#current<ReasoningItem>('reasoning', id => ({
      type: 'reasoning',
      id,
      text: ''
    }))
    item.text += text
    const place = { item_id: item.id, output_index: at, content_index: 0 }
    return [...events, { type: 'response.reasoning_text.delta', ...place, delta: text }]
  }

  #addCall({ index, id, name, arguments: words = '' }: CallPiece): ResponseEvent[] {
    const known = this.#calls.get(index)
    const events: ResponseEvent[] = []
    let at = known
    if (at === undefined) {
      events.push(...this.#closeAll())
      at = this.#items.length
      this.#calls.set(index, at)
      const callId = id ?? `call_${this.#answerId}_${index}`
      const item = {
        type: 'function_call' as const,
        id: this.#idOf('fc', at),
        callId,
        name: name ?? '',
        words: ''
      }
      events.push(...this.#begin(item))
    }
    const item = this.#items[at] as CallItem
    if (words === '') return events
    item.words += words
    const place = { item_id: item.id, output_index: at }
    return [...events, { type: 'response.function_call_arguments.delta', ...place, delta: words }]
  }

  /** The item that is under way, or a new one once the others have ended. */
  #current<T extends OutputItem>(type: T['type'], make: (id: string) => T) {
    const last = this.#items.length - 1
    if (this.#items[last]?.type === type && this.#open.has(last))
      return { at: last, item: this.#items[last] as T, events: [] }
    const events = this.#closeAll()
    const item = make(this.#idOf(type === 'message' ? 'msg' : 'rs', last + 1))
    events.push(...this.#begin(item))
    return { at: last + 1, item, events }
  }

  #idOf = (kind: string, at: number): string => `${kind}_${this.#answerId}_${at}`

  #begin(item: OutputItem): ResponseEvent[] {
    const at = this.#items.push(item) - 1
    this.#open.add(at)
    const added = {
      type: 'response.output_item.added',
      output_index: at,
      item: itemOf(item, 'in_progress', true)
    }
    if (item.type === 'function_call') return [added]
    const place = { item_id: item.id, output_index: at, content_index: 0 }
    return [added, { type: 'response.content_part.added', ...place, part: partOf(item) }]
  }

  #closeAll(): ResponseEvent[] {
    const events = [...this.#open].flatMap(at => endOf(this.#items[at]!, at))
    this.#open.clear()
    return events
  }
}

type CallPiece = NonNullable<Extract<Piece, { type: 'delta' }>['tool_calls']>[number]

function endOf(item: OutputItem, at: number): ResponseEvent[] {
  const done = { type: 'response.output_item.done', output_index: at, item: itemOf(item, 'completed') }
  const place = { item_id: item.id, output_index: at }
  if (item.type === 'function_call') {
    const { name, words } = item
    return [{ type: 'response.function_call_arguments.done', ...place, name, arguments: words }, done]
  }
  const text = { ...place, content_index: 0, text: item.text }
  const ended =
    item.type === 'message'
      ? { type: 'response.output_text.done', ...text, logprobs: logprobsOf(item.logprobs) }
      : { type: 'response.reasoning_text.done', ...text }
  const part = { type: 'response.content_part.done', ...place, content_index: 0, part: partOf(item) }
  return [ended, part, done]
}

const partOf = (item: TextItem | ReasoningItem): object =>
  item.type === 'message'
    ? { type: 'output_text', text: item.text, annotations: [], logprobs: logprobsOf(item.logprobs) }
    : { type: 'reasoning_text', text: item.text }

/** @param isNew whether its content is still to come. */
function itemOf(item: OutputItem, status: 'in_progress' | 'completed', isNew = false): object {
  const { type, id } = item
  switch (item.type) {
    case 'message':
      return { type, id, status, role: 'assistant', content: isNew ? [] : [partOf(item)] }
    case 'reasoning':
      return { type, id, summary: [], content: isNew ? [] : [partOf(item)], status }
    case 'function_call':
      return { type, id, call_id: item.callId, name: item.name, arguments: item.words, status }
  }
}

const logprobsOf = (all: Logprobs) =>
  all.map(({ top = [], ...entry }) => ({ ...withBytes(entry), top_logprobs: top.map(withBytes) }))

const withBytes = ({ token, logprob }: { readonly token: string; readonly logprob: number }) => ({
  ...{ token, logprob },
  bytes: token.includes('\ufffd') ? [] : [...Buffer.from(token)]
})
