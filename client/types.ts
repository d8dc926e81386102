/** What the client takes and gives, besides the units. */

import type { ResumeOptions } from './resume.ts'

export interface ClientOptions {
  /** The gateway. By default that of the page, else the one of this device. */
  readonly url?: string
  /** A page of the gateway needs none after `POST /api/v2/session`: its browser shows a cookie. */
  readonly token?: string
  /** In place of the platform's own. */
  readonly fetch?: typeof fetch
  /** In place of `url`, in Node: the unix socket of the node, which asks for no token. */
  readonly socket?: string
  /** Over the socket: `program` may do what a token of the gateway opens, and not all that its user may. */
  readonly as?: 'program' | undefined
}

export interface CallOptions {
  /** Name or PeerId of the only device that may do the work. */
  readonly peer?: string
  /** By which policy the device is chosen. */
  readonly policy?: string
  readonly timeoutMs?: number
  /** Of the trace that the call belongs to (W3C Trace Context). */
  readonly traceparent?: string
  /** Calls with the same key do their work once. */
  readonly idempotencyKey?: string
  /** The devices that answer sign what they answer. */
  readonly receipt?: boolean
  /** `none`: an answer that is cut ends there, and no other device goes on with it. */
  readonly continuation?: 'none'
  /** Ends the call, and the work that it is for. */
  readonly signal?: AbortSignal
  /** Called with pieces of the answer as they come, some of them left out where they come fast. */
  onPiece?(piece: unknown): void
}

export interface StreamOptions extends Omit<CallOptions, 'idempotencyKey' | 'onPiece'>, ResumeOptions {
  /** The answer goes on without its client, so a cut stream comes back to it. `answers.cancel` ends it. */
  readonly durable?: boolean
  /** Called with the id of an answer that is kept, before its first piece. */
  onAnswer?(id: string): void
}

export interface EventOptions extends ResumeOptions {
  /** Names, or beginnings such as `peer.*`. Without any: all events. */
  readonly names?: readonly string[]
  /** EPOCH-SEQUENCE: after this event. `oldest`: all that the node keeps. Without it: those to come. */
  readonly since?: string
}

export interface AnswerOptions {
  /** The device that has the answer. */
  readonly peer?: string
  readonly signal?: AbortSignal
}

export interface WatchOptions extends ResumeOptions {
  /** The device whose resource it is. */
  readonly peer?: string
}

export interface AttachOptions extends ResumeOptions, AnswerOptions {
  /** The index of the first piece; 0 by default. */
  readonly from?: number
}

export interface Meta {
  readonly request_id: string
  /** Id of the answer, where it is kept. */
  readonly answer: string | null
  readonly unit: string | null
  /** The device that did the work. */
  readonly peer: string | null
  readonly route: 'local' | 'remote' | null
  readonly duration_ms: number
}

/** A unit, as the node describes it. */
export interface UnitDescription {
  readonly name: string
  readonly kind: 'command' | 'query'
  readonly summary: string
  readonly permission: 'read' | 'use' | 'manage' | 'keys'
  /** Whether the same call may be sent again when its answer was lost. */
  readonly idempotent: boolean
  readonly takes_peer: boolean
  readonly streams: boolean
  readonly input_bytes_max: number
  /** JSON Schemas (2020-12). */
  readonly input: object
  readonly output: object
  readonly item?: object
  readonly examples?: readonly { readonly input: object; readonly says?: string }[]
}

export interface UnitType {
  readonly input: unknown
  readonly output: unknown
  /** A piece of the answer. */
  readonly item: unknown
}

/** In place of the units of this version: `createClient<AnyUnits>()` takes every name. */
export type AnyUnits = Record<string, UnitType>
export type Known<U> = { readonly [Name in keyof U]: UnitType }

/** An input without a field that must be there may be left out. */
export type Args<Input, Options> =
  Record<never, never> extends Input ? [input?: Input, options?: Options] : [input: Input, options?: Options]
