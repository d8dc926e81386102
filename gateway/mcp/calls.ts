/** What an MCP server stands on: the units of a node, of this process or of one behind a socket. */

import type { UnitDescription } from '../../units/description.ts'

export interface CallOptions {
  readonly signal: AbortSignal
  /** PeerId or name of the only device that may do it. */
  readonly peer?: string | undefined
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
