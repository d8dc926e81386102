/** What a check is, and how it says that a server breaks its promise. */

import type { Server } from './server.ts'

export interface Check {
  /** Of its face, such as `chat.stream`. */
  readonly name: string
  /** What a server that passes does, in one sentence. */
  readonly promise: string
  /** Address of the public documentation that says so. */
  readonly source: string
  /** Returns where the promise is kept. */
  run(server: Server): Promise<void>
}

export class Broken extends Error {
  override readonly name = 'Broken'
}

/** The server does not offer what the check is about. */
export class Skipped extends Error {
  override readonly name = 'Skipped'
}

// biome-ignore lint/suspicious/noExplicitAny: answers of any server have any shape, which the checks look at
export type Json = any

/** @throws {Broken} unless it is so. */
export function need(holds: unknown, words: string): asserts holds {
  if (!holds) throw new Broken(words)
}

export const needText = (value: unknown, where: string): void =>
  need(typeof value === 'string' && value !== '', `${where} is ${told(value)}, not a text`)

export const needCount = (value: unknown, where: string): void =>
  need(
    Number.isInteger(value) && (value as number) >= 0,
    `${where} is ${told(value)}, not a number of tokens`
  )

export const needOne = (value: unknown, among: readonly unknown[], where: string): void =>
  need(among.includes(value), `${where} is ${told(value)}, not one of ${among.map(told).join(', ')}`)

export const needEqual = (value: unknown, wanted: unknown, where: string): void =>
  need(Object.is(value, wanted), `${where} is ${told(value)}, not ${told(wanted)}`)

export const needList = (value: unknown, where: string): void =>
  need(
    Array.isArray(value) && value.length > 0,
    `${where} is ${told(value)}, not a list with something in it`
  )

/** An object in a text, as a model writes arguments and structured answers. */
export function parsed(text: unknown, where: string): Json {
  try {
    const value: unknown = JSON.parse(String(text))
    need(typeof value === 'object' && value !== null, `${where} is ${told(text)}, not an object`)
    return value
  } catch (err) {
    if (err instanceof Broken) throw err
    throw new Broken(`${where} is ${told(text)}, not JSON`)
  }
}

const TOLD_MAX = 120

/** A value of the server, short enough for a line. */
export function told(value: unknown): string {
  const text = JSON.stringify(value) ?? 'missing'
  return text.length > TOLD_MAX ? `${text.slice(0, TOLD_MAX)}…` : text
}
