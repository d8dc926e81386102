/** `memory open|get|set|unset|append|remove|task|edit`. */

import { isoTime } from '../../../interface/iso-time.ts'
import { findNode } from '../../client.ts'
import { readJson, readText } from '../../input.ts'
import type { Invocation } from '../../invocation.ts'
import { printable } from '../../output.ts'

interface DocOption {
  readonly doc?: string
}
interface ValueOptions extends DocOption {
  readonly asJson?: boolean
}
interface Entry {
  readonly id: string
  readonly value: unknown
  readonly writer: string
  readonly at: number
}
interface Task {
  readonly id: string
  readonly title: string
  readonly state: string
  readonly assignee: string | null
}
interface Content {
  readonly kind: string
  readonly facts?: Readonly<Record<string, unknown>>
  readonly entries?: readonly Entry[]
  /** Entries before those. */
  readonly earlier?: number
  readonly tasks?: readonly Task[]
  readonly text?: string
}
interface Written {
  readonly seq: number
  readonly id: string | null
}

interface OpenOptions {
  readonly last?: number
  readonly kind?: string
}

export async function open({ args, options, output }: Invocation<OpenOptions>): Promise<void> {
  const [space, doc] = args as [string, string | undefined]
  const { last, kind } = options
  const asked = {
    space,
    ...(doc && { doc }),
    ...(last !== undefined && { last }),
    ...(kind !== undefined && { kind })
  }
  const { data } = await findNode(options).execute<Content>('memory.open', asked)
  output.data(data, () => printable(wordsOf(data)))
}

function wordsOf({ kind, facts = {}, entries = [], earlier = 0, tasks = [], text }: Content): string {
  if (text !== undefined) return text
  const lines = [
    ...(earlier > 0 ? [`(${earlier} entries before these)`] : []),
    ...Object.entries(facts).map(([key, value]) => `${key}  ${inWords(value)}`),
    ...entries.map(({ id, value, at }) => `${isoTime(at)}  ${id}  ${inWords(value)}`),
    ...tasks.map(
      ({ id, title, state, assignee }) => `[${state}]  ${id}  ${title}${assignee ? ` (${assignee})` : ''}`
    )
  ]
  return lines.length > 0 ? lines.join('\n') : `Empty: a document of the kind ${kind}.`
}

const inWords = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

export async function get({ args, options, output }: Invocation<DocOption>): Promise<void> {
  const [space, key] = args as [string, string]
  const { data } = await findNode(options).execute<{ value: unknown }>('memory.get', {
    space,
    key,
    ...docOf(options)
  })
  output.data(data, () => printable(inWords(data.value)))
}

export async function set({ args, options, output }: Invocation<ValueOptions>): Promise<void> {
  const [space, key, given] = args as [string, string, string]
  const value = await givenValue(given, options)
  const { data } = await findNode(options).execute<Written>('memory.set', {
    space,
    key,
    value,
    ...docOf(options)
  })
  output.data(data, () => `${key} is kept in ${space}.`)
}

export async function unset({ args, options, output }: Invocation<DocOption>): Promise<void> {
  const [space, key] = args as [string, string]
  const { data } = await findNode(options).execute<Written>('memory.unset', { space, key, ...docOf(options) })
  output.data(data, () => `${key} is kept in ${space} no longer.`)
}

interface AppendOptions extends ValueOptions {
  readonly thread?: boolean
  readonly id?: string
}

export async function append({ args, options, output }: Invocation<AppendOptions>): Promise<void> {
  const [space, doc, given] = args as [string, string, string]
  const { thread, id } = options
  const { data } = await findNode(options).execute<Written>('memory.append', {
    space,
    doc,
    value: await givenValue(given, options),
    ...(thread && { kind: 'thread' }),
    ...(id !== undefined && { id })
  })
  output.data(data, () => `${data.id} is in ${doc} of ${space}.`)
}

export async function remove({ args, options, output }: Invocation): Promise<void> {
  const [space, doc, id] = args as [string, string, string]
  const { data } = await findNode(options).execute<Written>('memory.remove', { space, doc, id })
  output.data(data, () => `${id} is in ${doc} of ${space} no longer.`)
}

interface TaskOptions extends DocOption {
  readonly id?: string
  readonly state?: string
  readonly assignee?: string
}

export async function task({ args, options, output }: Invocation<TaskOptions>): Promise<void> {
  const [space, title] = args as [string, string | undefined]
  const { id, state, assignee } = options
  const { data } = await findNode(options).execute<Written>('memory.task', {
    space,
    ...docOf(options),
    ...(title !== undefined && { title }),
    ...(id !== undefined && { id }),
    ...(state !== undefined && { state }),
    ...(assignee !== undefined && { assignee: assignee === '' ? null : assignee })
  })
  output.data(data, () => `The task ${data.id} is in ${space}.`)
}

export async function edit({ args, options, output }: Invocation): Promise<void> {
  const [space, doc, given] = args as [string, string, string]
  const text = await readText(given)
  const { data } = await findNode(options).execute<Written>('memory.edit', { space, doc, text })
  output.data(data, () => `${doc} of ${space} has the new text.`)
}

const docOf = ({ doc }: DocOption) => doc !== undefined && { doc }

const givenValue = (given: string, { asJson }: ValueOptions): Promise<unknown> =>
  asJson ? readJson(given) : readText(given)
