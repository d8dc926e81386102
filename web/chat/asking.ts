/**
 * Answers under way. They belong to the page, not to the screen, so that going to another screen does not end one; and the
 * node keeps them by an id, so that a page that was closed comes back to them.
 */

import { attached, call, cancelAnswer, LumosClientError, pieces } from '../node.ts'
import { Store } from '../state.ts'
import { questionOf, type Settings } from './question.ts'
import type { Conversation, Message, Shelf } from './shelf.ts'
import type { Tool } from './tools.ts'

/** Which device answers is shown beside an answer, which does not wait longer for it. */
const LOOK_MS = 3_000

/** The growing answer of each conversation. It stays here until the next one, with `isOver`. */
export interface Growing {
  readonly message: Message
  readonly isOver: boolean
  stop(): void
}
export const growing = new Store<Record<string, Growing>>({})
/** Counts what was kept, so that lists are read again. */
export const kept = new Store({ changes: 0 })
export const changed = (): void => kept.set({ changes: kept.value.changes + 1 })

/** Ends what is under way in a conversation, which is kept no more. */
const removed = new Set<string>()
export function drop(id: string): void {
  removed.add(id)
  growing.value[id]?.stop()
}

type Piece = Awaited<ReturnType<ReturnType<typeof pieces<'inference.chat'>>['next']>>['value']

export interface Talk {
  readonly shelf: Shelf
  readonly conversation: Conversation
}

/** Asks for the next answer of a conversation that ends with a question. */
export async function ask(
  { shelf, conversation }: Talk,
  history: readonly Message[],
  settings: Settings,
  tools: readonly Tool[] = []
): Promise<void> {
  const closed = new AbortController()
  let answer: string | undefined
  const answerOf = (durable: boolean) =>
    pieces('inference.chat', questionOf(conversation.model, history, settings, tools), {
      ...{ signal: closed.signal, durable },
      onAnswer: id => {
        answer = id
        void shelf.note({ ...conversation, answer: id }).catch(() => undefined)
      }
    })
  const reader = new Reader(conversation, () => {
    if (answer === undefined) closed.abort()
    else void cancelAnswer(answer).catch(() => closed.abort())
  })
  try {
    await reader.read(answerOf(true), () => answer)
  } catch (err) {
    // A node that keeps no answers gives this one as long as the page stays.
    if (err instanceof LumosClientError && err.code === 'NOT_SUPPORTED' && answer === undefined) {
      await reader.read(answerOf(false), () => answer).catch(thrown => reader.fail(thrown))
    } else reader.fail(err)
  }
  await reader.keep(shelf, answer)
}

/** Comes back to an answer that was under way when the page was closed. */
export async function comeBack({ shelf, conversation }: Talk): Promise<void> {
  const { answer } = conversation
  if (answer === undefined || growing.value[conversation.id]?.isOver === false) return
  const closed = new AbortController()
  const reader = new Reader(conversation, () => void cancelAnswer(answer).catch(() => closed.abort()))
  try {
    await reader.read(attached(answer, { signal: closed.signal }), () => answer)
  } catch (err) {
    reader.fail(err)
  }
  await reader.keep(shelf, answer)
}

/** Puts pieces together, and shows them once a frame. */
class Reader {
  readonly #conversation: Conversation
  readonly #stop: () => void
  readonly #begun = performance.now()
  #message: Message
  #looked: Promise<void> = Promise.resolve()
  #isStopped = false
  #isDue = false

  constructor(conversation: Conversation, stop: () => void) {
    this.#conversation = conversation
    this.#stop = stop
    this.#message = { id: crypto.randomUUID(), role: 'assistant', text: '', model: conversation.model }
    this.#show(false)
  }

  async read(answer: AsyncGenerator<Piece, { peer: string | null }>, id: () => string | undefined) {
    let knowsDevice = false
    for (;;) {
      const next = await answer.next()
      if (next.done) {
        await this.#looked
        if (this.#message.device === undefined) this.#add({ device: await nameOf(next.value.peer) })
        return
      }
      const answerId = id()
      if (!knowsDevice && answerId !== undefined) {
        knowsDevice = true
        this.#look(() => this.#findDevice(answerId))
      }
      this.#take(next.value as Exclude<Piece, { peer: unknown }>, answerId)
    }
  }

  #take(piece: Exclude<Piece, { peer: unknown }>, answer: string | undefined): void {
    const { text, reasoning = '', calls = [] } = this.#message
    if (piece.type === 'text') this.#add({ text: text + piece.text })
    else if (piece.type === 'delta') {
      this.#add({
        ...(piece.text && { text: text + piece.text }),
        ...(piece.reasoning && { reasoning: reasoning + piece.reasoning }),
        ...(piece.tool_calls && { calls: piece.tool_calls.reduce(withCall, calls) })
      })
    } else if (piece.type === 'progress' && piece.continued !== undefined) {
      this.#look(() => this.#findLoss(answer))
    } else if (piece.type === 'done') {
      const { finish_reason: end, usage } = piece
      this.#add({
        end: end === 'length' ? 'length' : end === 'cancelled' ? 'stopped' : 'stop',
        ms: Math.round(performance.now() - this.#begun),
        ...(usage.output_tokens !== undefined && { tokens: usage.output_tokens })
      })
    }
  }

  /** One after the other: which device is lost is known by what was found before. */
  #look(find: () => Promise<void>): void {
    this.#looked = this.#looked.then(find)
  }

  async #findDevice(answer: string): Promise<void> {
    const device = await deviceOf(answer)
    if (device !== null && this.#message.device === undefined) this.#add({ device })
  }

  /** The device that was known before is the one that was lost. */
  async #findLoss(answer: string | undefined): Promise<void> {
    const { device, losses = [] } = this.#message
    const to = answer === undefined ? null : await deviceOf(answer)
    const from = device === to ? null : (device ?? null)
    this.#add({ losses: [...losses, { from, to }], ...(to !== null && { device: to }) })
  }

  fail(err: unknown): void {
    const { code = 'ERROR', message, hint = null } = err as { code?: string; message: string; hint?: string }
    this.#add(this.#isStopped ? { end: 'stopped' } : { error: { code, message, hint } })
  }

  async keep(shelf: Shelf, answer: string | undefined): Promise<void> {
    // Results name the call that they are of.
    const calls = this.#message.calls?.map((call, at) => ({ ...call, id: call.id || `call-${at + 1}` }))
    if (calls) this.#message = { ...this.#message, calls }
    const { answer: _, ...conversation } = { ...this.#conversation, at: Date.now() }
    // One answer is one message, whichever tabs read it.
    if (answer !== undefined) this.#message = { ...this.#message, id: answer }
    try {
      if (!removed.has(conversation.id)) {
        await shelf.add(conversation.id, this.#message)
        await shelf.note(conversation)
      }
    } catch (err) {
      this.fail(err)
    }
    this.#show(true)
    changed()
  }

  #add(change: Partial<Message>): void {
    this.#message = { ...this.#message, ...change }
    if (this.#isDue) return
    this.#isDue = true
    // A page that is not seen draws no frames.
    const later = document.hidden ? (draw: () => void) => setTimeout(draw, 250) : requestAnimationFrame
    later(() => {
      this.#isDue = false
      if (growing.value[this.#conversation.id]?.isOver === false) this.#show(false)
    })
  }

  #show(isOver: boolean): void {
    const stop = () => {
      this.#isStopped = true
      this.#stop()
    }
    growing.set({ [this.#conversation.id]: { message: this.#message, isOver, stop } })
  }
}

type CallPiece = { index: number; id?: string; name?: string; arguments?: string }

function withCall(calls: Message['calls'] & object, piece: CallPiece): Message['calls'] & object {
  const old = calls[piece.index] ?? { id: '', name: '', arguments: '' }
  const now = {
    id: piece.id ?? old.id,
    name: piece.name ?? old.name,
    arguments: old.arguments + (piece.arguments ?? '')
  }
  return calls.toSpliced(piece.index, 1, now)
}

async function deviceOf(answer: string): Promise<string | null> {
  try {
    return await nameOf((await call('inference.answer', { id: answer }, { timeoutMs: LOOK_MS })).peer_id)
  } catch {
    return null
  }
}

async function nameOf(peerId: string | null): Promise<string> {
  const { items } = await call('mesh.members', {})
  const device = items.find(one => (peerId === null ? one.self : one.peer_id === peerId))
  return device?.name ?? peerId?.slice(-8) ?? ''
}
