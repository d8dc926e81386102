/** The units of the running node, whichever it is at the time: one that was restarted is found again by its run file. */

import { type CallOptions, MCP_BUDGET_MS, type UnitCalls } from '../../../gateway/mcp/calls.ts'
import { toLumosError } from '../../../interface/errors.ts'
import { INPUT_BYTES_MAX } from '../../../interface/units.ts'
import type { UnitDescription } from '../../../units/description.ts'
import { findNode } from '../../client.ts'
import type { GlobalOptions } from '../../invocation.ts'

const NO_FIELDS = { type: 'object', properties: {}, additionalProperties: false }

/** The one tool while no node runs: its call says how one is started. */
const STAND_IN: UnitDescription = {
  ...{ name: 'mesh.status', kind: 'query', permission: 'read', idempotent: true, takes_peer: false },
  summary: 'What this node is, and what it is doing. No node runs now: a call says how to start one.',
  ...{ streams: false, input_bytes_max: INPUT_BYTES_MAX, input: NO_FIELDS, output: {} }
}

export class NodeCalls implements UnitCalls {
  readonly #options: GlobalOptions
  /** Of the run of the node that was asked last. */
  #known: { readonly run: string; readonly units: readonly UnitDescription[] } | undefined
  readonly #onMissing: () => void

  /** @param onMissing called when there was no node to list the units of. */
  constructor(options: GlobalOptions, onMissing: () => void) {
    this.#options = options
    this.#onMissing = onMissing
  }

  async list(): Promise<readonly UnitDescription[]> {
    try {
      const node = findNode(this.#options, 'program')
      const run = `${node.info.pid} ${node.info.startedAtMs}`
      if (this.#known?.run !== run) this.#known = { run, units: await node.units() }
      return this.#known.units
    } catch (err) {
      if (toLumosError(err).code !== 'NODE_NOT_RUNNING') throw err
      if (this.#known !== undefined) return this.#known.units
      this.#onMissing()
      return [STAND_IN]
    }
  }

  async call(
    unit: string,
    input: unknown,
    { signal, peer, traceparent, onPiece }: CallOptions
  ): Promise<unknown> {
    const node = findNode(this.#options, 'program')
    return (await node.execute(unit, input, { signal, timeoutMs: MCP_BUDGET_MS, peer, traceparent, onPiece }))
      .data
  }

  async *watch(unit: string, input: unknown, signal: AbortSignal): AsyncGenerator<unknown> {
    yield* findNode(this.#options, 'program').stream(unit, input, { signal })
  }
}
