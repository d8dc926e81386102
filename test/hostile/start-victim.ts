/** Starts a victim and speaks to it. */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Role } from '../../interface/membership.ts'
import type { NodeStatus } from '../../interface/status.ts'
import type { StoredMesh } from '../../storage/mesh/mesh-store.ts'
import type { Figures, Question } from './victim.ts'

interface Reply {
  readonly number?: number
  readonly answer?: unknown
  readonly uncaught?: string
}

export class Victim implements AsyncDisposable {
  readonly status: NodeStatus
  readonly #child: ChildProcess
  #asked = 0

  private constructor(child: ChildProcess, status: NodeStatus) {
    this.#child = child
    this.status = status
  }

  static async start(): Promise<Victim> {
    // Certificates travel as bytes.
    const child = fork(new URL('./victim.ts', import.meta.url), { serialization: 'advanced' })
    const [{ status }] = (await once(child, 'message')) as [{ status: NodeStatus }]
    return new Victim(child, status)
  }

  get port(): number {
    return Number(/\/tcp\/(\d+)/.exec(this.status.addresses[0]!)![1])
  }

  async admit(subject: string, name: string, role: Role = 'member'): Promise<StoredMesh> {
    return (await this.#ask({ ask: 'admit', subject, name, role })) as StoredMesh
  }

  /** @returns the code. */
  async invite(): Promise<string> {
    return (await this.#ask({ ask: 'invite' })) as string
  }

  async root(): Promise<string> {
    return (await this.#ask({ ask: 'root' })) as string
  }

  async revoke(subject: string): Promise<void> {
    await this.#ask({ ask: 'revoke', subject })
  }

  async figures(): Promise<Figures> {
    return (await this.#ask({ ask: 'figures' })) as Figures
  }

  #ask(question: Question): Promise<unknown> {
    const number = ++this.#asked
    return new Promise((resolve, reject) => {
      const onMessage = (reply: Reply) => {
        if (reply.uncaught !== undefined) reject(new Error(`The victim died: ${reply.uncaught}`))
        if (reply.number !== number) return
        this.#child.off('message', onMessage)
        resolve(reply.answer)
      }
      this.#child.on('message', onMessage)
      this.#child.send({ number, question })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill()
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit')
  }
}
