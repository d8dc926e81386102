/** What an MCP server stands on: the units of a node, of this process or of one behind a socket. */

import type { ServerContext } from '@modelcontextprotocol/server'
import type { UnitDescription } from '../../units/description.ts'

/** Clients wait a minute by themselves, and longer where progress comes. */
export const MCP_BUDGET_MS = 600_000

export interface CallOptions {
  readonly signal: AbortSignal
  /** PeerId or name of the only device that may do it. */
  readonly peer?: string | undefined
  /** The trace that the client says it belongs to, as it says it. */
  readonly traceparent?: string | undefined
  /** Called with pieces of the answer as they come, some of them left out where they come fast. */
  readonly onPiece?: ((piece: unknown) => void) | undefined
}

export interface UnitCalls {
  /** Those that the caller may call. */
  list(): Promise<readonly UnitDescription[]>
  /** @throws {LumosError} as the unit does. */
  call(unit: string, input: unknown, options: CallOptions): Promise<unknown>
  /** A unit that streams, for as long as the loop goes on. */
  watch(unit: string, input: unknown, signal: AbortSignal): AsyncIterable<unknown>
}

/** How many resources the clients of one caller watch by now. */
export interface WatchRoom {
  taken: number
}

export interface McpServerOptions {
  /** Which tools a request is for; see `isChosen`. */
  chosenBy(context: ServerContext): readonly string[] | undefined
  /** Of whom a request is. */
  callsOf(context: ServerContext): UnitCalls
  /** Whether the client is told when the list of tools is another. */
  readonly tellsOfTools: boolean
  /** For a client that is told of changed resources: by `resources/subscribe`, in this room, or by `subscriptions/listen`. */
  readonly room?: WatchRoom | undefined
  readonly listens?: boolean
  /** Aborts when the connection goes away, as with the node itself. */
  readonly gone?: AbortSignal
  /** Called with what no unit fails with on purpose. */
  readonly onFailure?: (error: unknown) => void
}
