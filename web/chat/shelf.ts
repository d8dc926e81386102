/**
 * Where conversations are kept: in a space of memory once the person has said so, before that in this tab.
 * The fact of a conversation says what the list shows; its messages are a thread.
 */

import { call, LumosClientError } from '../node.ts'

export const SPACE = 'chats'
/** The document of the list. */
const LIST = 'conversations'
const TAB = 'lumos.chats'

export interface ToolCall {
  readonly id: string
  readonly name: string
  readonly arguments: string
}

/** A device was lost, and which one went on; null where it is not known. */
export interface Loss {
  readonly from: string | null
  readonly to: string | null
}

export type Outcome = 'done' | 'failed' | 'refused' | 'stopped'

export interface Message {
  readonly id: string
  /** `tool`: what came of a call of the answer before. */
  readonly role: 'user' | 'assistant' | 'tool'
  readonly text: string
  readonly reasoning?: string
  readonly calls?: readonly ToolCall[]
  /** Of the role `tool`. */
  readonly of?: { readonly call: string; readonly outcome: Outcome }
  /** How many were sent. They are kept as long as the page is open. */
  readonly pictures?: number
  readonly model?: string
  /** The device that answered. */
  readonly device?: string
  readonly losses?: readonly Loss[]
  readonly tokens?: number
  readonly ms?: number
  readonly end?: 'stop' | 'length' | 'stopped'
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string | null }
}

export interface Conversation {
  readonly id: string
  readonly title: string
  readonly model: string
  readonly at: number
  /** The answer that was under way when this was written. */
  readonly answer?: string
}

export interface Shelf {
  /** Whether it outlives the tab. */
  readonly isLasting: boolean
  list(): Promise<readonly Conversation[]>
  messages(id: string): Promise<readonly Message[]>
  /** Begins a conversation, or says something new of it. */
  note(conversation: Conversation): Promise<void>
  add(id: string, message: Message): Promise<void>
  take(id: string, message: string): Promise<void>
  remove(id: string): Promise<void>
}

const isKnown = (err: unknown, code: string): boolean => err instanceof LumosClientError && err.code === code

/** What stands there is of any device with a right in the space: what has another form is passed over. */
const isConversation = (value: unknown): value is Omit<Conversation, 'id'> => {
  const { title, model, at } = Object(value) as Partial<Record<string, unknown>>
  return typeof title === 'string' && typeof model === 'string' && typeof at === 'number'
}
const isMessage = (value: unknown): value is Omit<Message, 'id'> => {
  const { role, text, calls, losses, of } = Object(value) as Partial<Record<string, unknown>>
  const isListOrNone = (list: unknown) =>
    list === undefined ||
    (Array.isArray(list) && list.every(item => typeof item === 'object' && item !== null))
  return (
    (role === 'user' || role === 'assistant' || (role === 'tool' && typeof of === 'object' && of !== null)) &&
    typeof text === 'string' &&
    isListOrNone(calls) &&
    isListOrNone(losses)
  )
}

export const spaceShelf: Shelf = {
  isLasting: true,
  async list() {
    const docs = await call('memory.docs', { space: SPACE })
    if (docs.items.every(({ name }) => name !== LIST)) return []
    const { facts = {} } = await call('memory.open', { space: SPACE, doc: LIST })
    return Object.entries(facts).flatMap(([id, value]) => (isConversation(value) ? [{ ...value, id }] : []))
  },
  async messages(id) {
    const { entries = [] } = await orNothing(call('memory.open', { space: SPACE, doc: id }))
    return entries.flatMap(({ id, value }) => (isMessage(value) ? [{ ...value, id }] : []))
  },
  async note({ id, ...value }) {
    await call('memory.set', { space: SPACE, doc: LIST, key: id, value })
  },
  async add(doc, { id, ...value }) {
    try {
      await call('memory.append', { space: SPACE, doc, kind: 'thread', id, value })
    } catch (err) {
      // Another tab has read the same answer, and kept it.
      if (!isKnown(err, 'INVALID_INPUT')) throw err
    }
  },
  async take(doc, id) {
    await call('memory.remove', { space: SPACE, doc, id })
  },
  async remove(id) {
    await call('memory.unset', { space: SPACE, doc: LIST, key: id })
    await orNothing(call('memory.forget', { space: SPACE, doc: id }))
  }
}

/** A document that is not there yet has nothing in it. */
async function orNothing<T>(asked: Promise<T>): Promise<T | { facts?: undefined; entries?: undefined }> {
  try {
    return await asked
  } catch (err) {
    if (isKnown(err, 'MEMORY_NOT_FOUND')) return {}
    throw err
  }
}

type Tab = Record<string, { readonly conversation: Conversation; readonly messages: readonly Message[] }>

function readTab(): Tab {
  try {
    return JSON.parse(sessionStorage.getItem(TAB) ?? '{}') as Tab
  } catch {
    return {}
  }
}

function change(id: string, by: (old: Tab[string] | undefined) => Tab[string] | undefined): void {
  const { [id]: old, ...others } = readTab()
  const now = by(old)
  try {
    sessionStorage.setItem(TAB, JSON.stringify(now ? { ...others, [id]: now } : others))
  } catch {
    // The browser gives a tab no more room: the oldest conversations make some.
    sessionStorage.setItem(TAB, JSON.stringify(now ? { [id]: now } : {}))
  }
}

export const tabShelf: Shelf = {
  isLasting: false,
  list: async () => Object.values(readTab()).map(({ conversation }) => conversation),
  messages: async id => readTab()[id]?.messages ?? [],
  note: async conversation =>
    change(conversation.id, old => ({ conversation, messages: old?.messages ?? [] })),
  add: async (id, message) =>
    change(
      id,
      old =>
        old && {
          ...old,
          messages: [...old.messages.filter(one => one.id !== message.id), message]
        }
    ),
  take: async (id, message) =>
    change(id, old => old && { ...old, messages: old.messages.filter(one => one.id !== message) }),
  remove: async id => change(id, () => undefined)
}

/** Makes the space, and moves what this tab has into it. */
export async function keepConversations(): Promise<void> {
  await call('memory.create', { name: SPACE })
  for (const { conversation, messages } of Object.values(readTab())) {
    await spaceShelf.note(conversation)
    for (const message of messages) await spaceShelf.add(conversation.id, message)
    await tabShelf.remove(conversation.id)
  }
}
