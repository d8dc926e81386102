/**
 * Each operation of a node is a unit: one name, one schema in, one schema out. HTTP, the command line, MCP and peers
 * reach it through the registry of units.
 */

import type * as z from 'zod'
import type { AbortOptions } from './lifecycle.ts'
import type { RoutingPolicy } from './routing.ts'

/** A command changes something or does work; a query only reads. */
export type UnitKind = 'command' | 'query'

/**
 * What a caller must hold. `read`: see what there is. `use`: ask models. `manage`: change the node and its mesh.
 * `keys`: get, bring or replace secrets.
 */
export const PERMISSIONS = ['read', 'use', 'manage', 'keys'] as const
export type Permission = (typeof PERMISSIONS)[number]

/**
 * Where a call came in. `local`: over the socket that file permissions guard, from this device's own command line.
 * `tcp`: from a program or a page that has shown the token, or what it was exchanged for. `peer`: from another device.
 */
export type Origin = 'local' | 'tcp' | 'peer'

/** The caller. What is not in `permissions` is denied. */
export interface Caller {
  readonly origin: Origin
  readonly permissions: readonly Permission[]
  /** For a peer. */
  readonly peerId?: string
  /** The name of the token that it has shown, where that has one. */
  readonly token?: string
  /** The units that it may call, by name or by a beginning such as `inference.*`. Absent: all. */
  readonly units?: readonly string[]
  /** Aborts when that token is revoked or expires. */
  readonly ended?: AbortSignal
}

/** A call as its caller writes it, and its answer: in JSON. */
export interface UnitExample {
  readonly input: unknown
  readonly output?: unknown
}

/** Enough for words and names. Units that take texts of any length, pictures or tensors say so. */
export const INPUT_BYTES_MAX = 64 * 1024

export interface Unit<
  I extends z.ZodType = z.ZodType,
  O extends z.ZodType = z.ZodType,
  T extends z.ZodType = z.ZodType
> {
  /** `domain.action`, lower snake case. */
  readonly name: string
  readonly kind: UnitKind
  /** One sentence for people. */
  readonly summary: string
  /** What its caller must hold. */
  readonly permission: Permission
  /** For a command that may be sent again when its answer was lost: the second call changes nothing more. */
  readonly idempotent?: true
  /** Its answer has no end of its own: it ends when its caller leaves, or with the gateway. */
  readonly endless?: true
  /** Whether a call may name the one peer that does the work. Without it, the unit acts on this node only. */
  readonly takesPeer?: true
  /** The longest input in JSON; {@link INPUT_BYTES_MAX} where it is absent. */
  readonly inputBytesMax?: number
  readonly examples?: readonly UnitExample[]
  readonly input: I
  readonly output: O
  /** A piece of the answer, for units that stream. */
  readonly item?: T
  run(input: z.output<I>, context: UnitContext): Promise<z.input<O>>
  /** The same work as a stream of items, for units whose answer comes in pieces. */
  stream?(input: z.output<I>, context: UnitContext): AsyncIterable<z.input<T>>
}

export interface UnitContext extends AbortOptions {
  readonly caller: Caller
  /** Unique per call; the same in every log line about it. */
  readonly requestId: string
  /** Time the whole call may take. */
  readonly budgetMs: number
  /** PeerId or name of the only peer that may do the work; refused by units that do not take one. */
  readonly peer?: string
  /** By which policy its peer is chosen; refused by units that take no peer. */
  readonly policy?: RoutingPolicy
  /** `none`: an answer that is cut ends there, and no other peer goes on with it. */
  readonly continuation?: 'none' | undefined
  /** No device keeps the answer. */
  readonly unkept?: boolean | undefined
  /** The devices that answer sign what they answer. */
  readonly receipt?: boolean | undefined
  /** The trace of a client that the call belongs to, as in `traceparent`. */
  readonly traceId?: string | undefined
  /** How an answer is kept that comes in pieces; absent: it is not. */
  readonly answer?: AnswerContext
  /** Called with each piece of an answer that is given whole, by units that stream. */
  onPiece?(piece: unknown): void
  /** Called with the peer that does the work, before its first answer. */
  onRoute?(route: Route): void
}

export interface AnswerContext {
  /** `requestIdOf` makes the request's id of it. */
  readonly id: string
  /** It goes on when its caller leaves. */
  readonly durable: boolean
  /** Kept with it for the caller. */
  readonly note?: unknown
  /** Called when it is kept under its id. */
  onKept(): void
}

/** The device that answered, and whether it was this node. */
export interface Route {
  readonly peerId: string
  readonly name: string | undefined
  readonly route: 'local' | 'remote'
}
