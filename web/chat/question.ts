/** What a model is asked: the conversation, with what came of the tools that it called, and how it is to answer. */

import type { Units } from '../node.ts'
import type { Message } from './shelf.ts'
import type { Tool } from './tools.ts'

export interface Settings {
  readonly system: string
  readonly temperature: string
  readonly maxTokens: string
  readonly seed: string
}

/** Pictures of messages, in base64, as long as the page is open. */
export const pictures = new Map<string, readonly string[]>()

/** The calls of an answer, each with its result. The results follow the answer, and come in any order. */
export function callsOf(messages: readonly Message[], at: number) {
  const { calls = [] } = messages[at] ?? {}
  const results = messages.slice(at + 1)
  const end = results.findIndex(({ role }) => role !== 'tool')
  const own = results.slice(0, end === -1 ? undefined : end)
  return calls.map(call => ({ call, result: own.find(({ of }) => of?.call === call.id) }))
}

/** The calls of the last answer where no question came after it. */
export function lastCallsOf(messages: readonly Message[]) {
  const at = messages.findLastIndex(({ role }) => role !== 'tool')
  return callsOf(messages, at)
}

const numberOr = (text: string): number | undefined => (text.trim() === '' ? undefined : Number(text))

export function questionOf(
  model: string,
  history: readonly Message[],
  settings: Settings,
  tools: readonly Tool[]
) {
  const { system } = settings
  const [temperature, max_tokens, seed] = [settings.temperature, settings.maxTokens, settings.seed].map(
    numberOr
  )
  return {
    model,
    messages: [
      ...(system.trim() === '' ? [] : [{ role: 'system' as const, content: system }]),
      ...history.flatMap((message, at) => messagesOf(message, callsOf(history, at)))
    ],
    ...(tools.length > 0 && {
      tools: tools.map(({ name, description, parameters }) => ({ name, description, parameters }))
    }),
    ...(temperature !== undefined && { temperature }),
    ...(max_tokens !== undefined && { max_tokens }),
    ...(seed !== undefined && { seed })
  }
}

type Wire = Units['inference.chat']['input']['messages'][number]

/** A call without a result is left out: models take none. */
function messagesOf({ id, role, text }: Message, calls: ReturnType<typeof callsOf>): Wire[] {
  if (role === 'tool') return []
  if (role === 'assistant') {
    const done = calls.flatMap(({ call, result }) => (result === undefined ? [] : [{ call, result }]))
    if (done.length === 0) return text === '' ? [] : [{ role, content: text }]
    return [
      { role, content: text, calls: done.map(({ call }) => call) },
      ...done.map(({ call, result }) => ({
        ...{ role: 'tool' as const, call: call.id, name: call.name, content: result.text }
      }))
    ]
  }
  const images = pictures.get(id)
  return [
    {
      role,
      content:
        images === undefined
          ? text
          : [...images.map(image => ({ type: 'image' as const, image })), { type: 'text' as const, text }]
    }
  ]
}
