/** `top`: the mesh in a terminal. Without one, or with `--once` or `--json`, it is printed once. */

import { systemClock as clock, type Timer } from '../../../interface/clock.ts'
import { toLumosError } from '../../../interface/errors.ts'
import { findNode, type NodeClient } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import type { Output } from '../../output.ts'
import { drawsScreens } from '../../terminal.ts'
import { Collector } from './collector.ts'
import { columnCount, listing } from './columns.ts'
import { FIRST_VIEW, keysOf, pressed, VIEWS, type View } from './keys.ts'
import { render } from './render.ts'
import { Screen } from './screen.ts'
import type { Snapshot } from './snapshot.ts'

const EVERY_MS = 1000
/** Events come in bursts, which are drawn once. */
const SETTLE_MS = 100
/** How soon the events of a node that went away are looked for again. */
const RETRY_MS = 2_000
/** Seconds whose requests are kept. */
const SECONDS_MAX = 120
const BEGINS: ReadonlySet<unknown> = new Set(['inference.request_started', 'inference.serving_started'])

export async function run({ options, output }: Invocation<{ once?: boolean }>): Promise<void> {
  const node = findNode(options)
  if (options.once || output.json || !process.stdin.isTTY || !output.isTerminal || !drawsScreens()) {
    await printOnce(node, output)
    return
  }
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  const top = new Top(node, output, end)
  try {
    await top.run(ended)
  } finally {
    top.close()
  }
}

async function printOnce(node: NodeClient, output: Output): Promise<void> {
  const collector = new Collector(node, clock.wallMs)
  const { signal } = new AbortController()
  await collector.read(signal)
  await collector.settled()
  const snapshot = await collector.read(signal)
  output.data(wire(snapshot), () => {
    const tables = VIEWS.map(view => {
      const { columns, cells } = listing(snapshot, view, 0, output.utf8)
      return output.table(
        columns.map(({ title }) => title),
        cells
      )
    })
    return tables.join('\n\n')
  })
}

const wire = ({ devices, models, requests, ...mesh }: Snapshot) => ({
  ...mesh,
  devices: devices.map(({ peerId, rttMs, memoryUsed, memoryTotal, loads: _, ...rest }) => ({
    ...{ peer_id: peerId, rtt_ms: rttMs, memory_used: memoryUsed, memory_total: memoryTotal },
    ...rest
  })),
  models: models.map(({ tokensPerSecond, ...rest }) => ({ ...rest, tokens_per_second: tokensPerSecond })),
  requests: requests.map(({ requestId, durationMs, firstChunkMs, ...rest }) => ({
    ...{ request_id: requestId, duration_ms: durationMs, first_chunk_ms: firstChunkMs },
    ...rest
  }))
})

class Top {
  readonly #node: NodeClient
  readonly #output: Output
  readonly #end: () => void
  readonly #collector: Collector
  readonly #screen = new Screen()
  readonly #aborter = new AbortController()
  #view: View = FIRST_VIEW
  #snapshot: Snapshot | undefined
  #failure: string | undefined
  #perSecond: number[] = [0]
  #reading = false
  #soon: Timer | undefined
  #timer: Timer | undefined

  constructor(node: NodeClient, output: Output, end: () => void) {
    this.#node = node
    this.#output = output
    this.#end = end
    this.#collector = new Collector(node, clock.wallMs)
  }

  async run(ended: Promise<void>): Promise<void> {
    this.#screen.enter(
      typed => this.#typed(typed),
      () => this.#draw()
    )
    this.#draw()
    this.#timer = clock.setTimer(() => this.#second(), EVERY_MS)
    void this.#follow()
    void this.#read()
    await ended
  }

  close(): void {
    this.#timer?.cancel()
    this.#soon?.cancel()
    this.#aborter.abort()
    this.#screen.close()
  }

  #typed(typed: string): void {
    for (const key of keysOf(typed)) {
      if (key === '\u001a') {
        this.#screen.suspend()
        continue
      }
      const rows = this.#snapshot?.[this.#view.name].length ?? 0
      const view = pressed(this.#view, key, { rows, columns: columnCount(this.#view.name) })
      if (view === undefined) {
        this.#end()
        return
      }
      this.#view = view
    }
    this.#draw()
  }

  #second(): void {
    this.#timer = clock.setTimer(() => this.#second(), EVERY_MS)
    if (this.#view.paused) return
    this.#perSecond = [...this.#perSecond, 0].slice(-SECONDS_MAX)
    void this.#read()
  }

  async #read(): Promise<void> {
    if (this.#reading || this.#view.paused) return
    this.#reading = true
    try {
      this.#snapshot = await this.#collector.read(this.#aborter.signal)
      this.#failure = undefined
    } catch (err) {
      this.#failure = toLumosError(err).message
    } finally {
      this.#reading = false
    }
    this.#draw()
  }

  /** Counts requests, and reads soon after something has changed. */
  async #follow(): Promise<void> {
    const { signal } = this.#aborter
    while (!signal.aborted) {
      try {
        for await (const event of this.#node.watch({ names: ['inference.*', 'peer.*', 'mesh.*'], signal })) {
          const { name } = event as { readonly name?: unknown }
          if (BEGINS.has(name)) this.#perSecond[this.#perSecond.length - 1]!++
          this.#soon ??= clock.setTimer(() => {
            this.#soon = undefined
            void this.#read()
          }, SETTLE_MS)
        }
      } catch {
        // That the node is away is what the next reading says.
      }
      if (!signal.aborted) await new Promise<void>(resolve => clock.setTimer(resolve, RETRY_MS))
    }
  }

  #draw(): void {
    if (this.#aborter.signal.aborted) return
    // The last second is not over yet.
    const perSecond = this.#perSecond.slice(0, -1)
    const known = { snapshot: this.#snapshot, perSecond, failure: this.#failure }
    const { utf8 } = this.#output
    const paint = this.#output.paint.bind(this.#output)
    this.#screen.draw(render(known, this.#view, { ...this.#screen.size, utf8, paint }))
  }
}
