/** Calls of tools: a person allows or refuses each, and the model goes on with what came of them. */

import { LumosClientError } from '../node.ts'
import { Store } from '../state.ts'
import { ask, changed, growing, type Talk } from './asking.ts'
import type { Settings } from './question.ts'
import { lastCallsOf } from './question.ts'
import type { Outcome, ToolCall } from './shelf.ts'
import { chosenTools, shortened } from './tools.ts'

/** Calls under way, by conversation and call. They belong to the page, so that going to another screen ends none. */
export const calling = new Store<Record<string, { stop(): void } | undefined>>({})
export const keyOf = (conversation: string, call: string): string => `${conversation} ${call}`

/** For the model. */
const REFUSED = 'The person refused this call.'
const STOPPED = 'The person stopped this call.'

interface Decision {
  readonly talk: Talk
  readonly call: ToolCall
  readonly isAllowed: boolean
  readonly settings: Settings
}

/** Runs the call or refuses it, and has the model go on once none is open. */
export async function decide({ talk, call, isAllowed, settings }: Decision): Promise<void> {
  const { shelf, conversation } = talk
  const key = keyOf(conversation.id, call.id)
  if (calling.value[key] !== undefined) return
  const ending = new AbortController()
  calling.set({ [key]: { stop: () => ending.abort() } })
  try {
    const [text, outcome] = isAllowed ? await run(call, ending.signal) : ([REFUSED, 'refused'] as const)
    await shelf.add(conversation.id, {
      ...{ id: crypto.randomUUID(), role: 'tool', text: shortened(text), of: { call: call.id, outcome } }
    })
    changed()
    if (outcome !== 'stopped') await goOn(talk, settings)
  } finally {
    calling.set({ [key]: undefined })
  }
}

/** Asks on where each call has its result. */
export async function goOn({ shelf, conversation }: Talk, settings: Settings): Promise<void> {
  const tools = await chosenTools().catch(() => [])
  const messages = await shelf.messages(conversation.id)
  const calls = lastCallsOf(messages)
  const isUnderWay = growing.value[conversation.id]?.isOver === false
  if (isUnderWay || calls.length === 0 || calls.some(({ result }) => result === undefined)) return
  void ask({ shelf, conversation: { ...conversation, at: Date.now() } }, messages, settings, tools)
  changed()
}

/** What a model is told. Only a tool that the person offers is run. */
async function run(
  { name, arguments: json }: ToolCall,
  signal: AbortSignal
): Promise<readonly [text: string, outcome: Outcome]> {
  try {
    const tool = (await chosenTools()).find(one => one.name === name)
    if (tool === undefined) throw new Error(`There is no tool ${name}.`)
    return [await tool.run(argumentsOf(json), signal), 'done']
  } catch (err) {
    if (signal.aborted) return [STOPPED, 'stopped']
    const { message } = err as Error
    return [err instanceof LumosClientError ? `${err.code}: ${message}` : message, 'failed']
  }
}

function argumentsOf(json: string): object {
  const given: unknown = json.trim() === '' ? {} : JSON.parse(json)
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new Error('The arguments are no JSON object.')
  return given
}
