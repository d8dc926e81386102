/** Which mesh this node takes part in, and how it goes over to another one. */

import type { Timer } from '../../interface/clock.ts'
import { LumosError, toLumosError } from '../../interface/errors.ts'
import type { Lifecycle } from '../../interface/lifecycle.ts'
import type { StoredMesh } from '../../storage/mesh/mesh-store.ts'
import type { PeerAddress } from '../pairing/index.ts'
import { composeMesh } from './compose.ts'
import type { Identity, MeshSession, NodeContext } from './context.ts'

/** A mesh that cannot be started is tried again after this time, doubled each time: a port may still be in use. */
const CONNECT_RETRY_MS = 500
const CONNECT_RETRY_MS_MAX = 60_000
/** A caller that waits for it hears of the failure after as many tries, in about two seconds. */
const CONNECT_TRIES_AWAITED = 3

export interface EnterOptions {
  /** Where a member of the mesh is. */
  readonly near?: PeerAddress | undefined
  /** Take part as another device from now on. */
  readonly identity?: Identity | undefined
}

export class MeshSwitching {
  #context: NodeContext
  #session: MeshSession
  #running = false
  /** Parts that were started, and must be stopped. */
  #begun: Lifecycle[] = []
  #entering: Promise<void> = Promise.resolve()
  #retry: Timer | undefined

  /** Begins with the mesh that the node belongs to. */
  static async of(context: NodeContext, own: StoredMesh): Promise<MeshSwitching> {
    return new MeshSwitching(context, await composeMesh(context, own))
  }

  private constructor(context: NodeContext, session: MeshSession) {
    this.#context = context
    this.#session = session
  }

  /** Another one after the node has taken another identity. */
  get context(): NodeContext {
    return this.#context
  }

  /** Another one after each change of mesh. */
  get session(): MeshSession {
    return this.#session
  }

  async start(): Promise<void> {
    await this.#begin(this.#session)
    this.#running = true
  }

  /** No mesh is connected any more that is not yet. What is connected stays so until `stop`. */
  hold(): void {
    this.#running = false
    this.#retry?.cancel()
  }

  async stop(): Promise<void> {
    this.hold()
    await this.#entering.catch(() => {})
    await this.#end()
  }

  /** Leave the mesh this node is in, and take part in another one, whose admin said so. */
  async enter(own: StoredMesh, options: EnterOptions = {}): Promise<void> {
    this.#retry?.cancel()
    this.#entering = this.#entering.catch(() => {}).then(() => this.#enter(own, options))
    await this.#entering
  }

  async #enter(own: StoredMesh, { near, identity }: EnterOptions): Promise<void> {
    const running = this.#running
    if (running) await this.#end()
    if (identity !== undefined) this.#context = { ...this.#context, ...identity }
    if (this.#context.store.mesh()?.id !== own.id) this.#context.access.forgetOffered()
    this.#context.store.enter(own)
    if (running) await this.#connect(own, near, 1)
    else this.#session = await composeMesh(this.#context, own)
  }

  /**
   * Take part in the mesh that this node has just entered. It belongs there whether or not that works at once, so
   * it tries on, ever more slowly, until it works or the node stops.
   *
   * @throws {LumosError} why it did not work, once it is clear that it takes longer.
   */
  async #connect(own: StoredMesh, near: PeerAddress | undefined, tries: number): Promise<void> {
    try {
      const session = await composeMesh(this.#context, own)
      this.#session = session
      if (this.#running) await this.#begin(session)
      if (this.#running && near !== undefined) session.sighted(near)
    } catch (thrown) {
      const { clock, log } = this.#context
      await this.#end()
      if (!this.#running) throw thrown
      const delayMs = Math.min(CONNECT_RETRY_MS * 2 ** (tries - 1), CONNECT_RETRY_MS_MAX)
      log.error({ err: thrown, tries, delayMs }, 'could not take part in the mesh; trying again')
      if (tries >= CONNECT_TRIES_AWAITED) {
        this.#retry = clock.setTimer(() => {
          this.#entering = this.#connect(own, near, tries + 1).catch(() => {})
        }, delayMs)
        throw notConnected(own.name, thrown)
      }
      await new Promise<void>(resolve => clock.setTimer(resolve, delayMs))
      if (this.#running) await this.#connect(own, near, tries + 1)
    }
  }

  async #begin(session: MeshSession): Promise<void> {
    for (const part of session.lifecycle) {
      this.#begun.push(part)
      await part.start?.()
    }
  }

  /** One part that cannot end must not keep the others, and the disk, open. */
  async #end(): Promise<void> {
    for (const { part, stop } of this.#begun.splice(0).reverse()) {
      try {
        await stop?.()
      } catch (err) {
        this.#context.log.error({ part, err }, 'did not stop cleanly')
      }
    }
  }
}

const notConnected = (mesh: string, cause: unknown): LumosError =>
  new LumosError(
    'INTERNAL',
    `This device belongs to "${mesh}" now, but cannot connect: ${toLumosError(cause).message.split('\n', 1)[0]}`,
    {
      hint: 'It tries again by itself. See why it fails: lumos-node doctor',
      cause
    }
  )
