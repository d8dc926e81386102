/** Devices that move weights, each a process that may be killed. */

import { type ChildProcess, fork } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { programAt } from '../../program.ts'
import type { DeviceArguments, Introduction, Order, Said } from './device.ts'

const DEVICE = programAt('test/weights/processes/device.ts')

type Fetched = Extract<Said, { fetched: unknown }>
type Progress = Extract<Said, { progress: unknown }>['progress']

export class DeviceProcess implements AsyncDisposable {
  introduction: Introduction
  readonly warnings: string[] = []
  progress: Progress | undefined
  readonly #child: ChildProcess
  readonly #said = new EventEmitter<{ progress: [Progress]; end: [Fetched | Error]; held: [] }>()

  private constructor(child: ChildProcess, introduction: Introduction) {
    this.#child = child
    this.introduction = introduction
    child.on('exit', (_, signal) => this.#said.emit('end', new Error(`The device ended by ${signal}.`)))
    child.on('message', (said: Said) => {
      if ('warning' in said) this.warnings.push(said.warning)
      else if ('held' in said) {
        this.introduction = { ...this.introduction, held: said.held }
        this.#said.emit('held')
      } else if ('progress' in said) {
        this.progress = said.progress
        this.#said.emit('progress', said.progress)
      } else if ('fetched' in said) this.#said.emit('end', said)
      else if ('failed' in said)
        this.#said.emit('end', Object.assign(new Error(said.failed.message), said.failed))
    })
  }

  static async start(given: DeviceArguments): Promise<DeviceProcess> {
    const child = fork(DEVICE, [JSON.stringify(given)], {
      execArgv: [],
      stdio: ['ignore', 2, 'inherit', 'ipc']
    })
    const early = once(child, 'exit').then(([code]) => {
      throw new Error(`The device ended with ${code} before it began.`)
    })
    early.catch(() => undefined)
    const [{ introduction }] = await Promise.race([once(child, 'message'), early])
    return new DeviceProcess(child, introduction)
  }

  meet(...others: readonly { readonly introduction: Introduction }[]): void {
    for (const { introduction } of others) this.#order({ meet: introduction })
  }

  /** What it has, also later, is heard by these: as by gossip. */
  tell(...others: readonly DeviceProcess[]): void {
    const tell = () => {
      for (const other of others) other.meet(this)
    }
    this.#said.on('held', tell)
    tell()
  }

  /** Rejects with what the fetch ended with, or once the process has. */
  async fetch(cid: string, how: Omit<Extract<Order, { fetch: string }>, 'fetch'> = {}): Promise<Fetched> {
    this.#order({ ...how, fetch: cid })
    const [end] = await once(this.#said, 'end')
    if (end instanceof Error) throw end
    return end
  }

  /** Of a fetch, the first that is so. */
  async until(isSo: (progress: Progress) => boolean): Promise<Progress> {
    for (;;) {
      const [progress] = await once(this.#said, 'progress')
      if (isSo(progress)) return progress
    }
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }

  #order(order: Order): void {
    this.#child.send(order)
  }
}
