/** A member as whoever drives the soak sees it: started, asked, ended in one way or another. */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { MemberOrders, Question } from './member.ts'

interface Reply {
  readonly number: number
  readonly value?: unknown
  readonly failure?: string
}

/** A node on a busy machine is up within seconds, and measures itself within one. */
const ANSWER_MS_MAX = 60_000
const LAST_WORDS_MAX = 2000

export class MemberProcess {
  readonly name: string
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  #asked = 0
  /** The end of its stderr: what it warns of is in its log, and says why only when it dies. */
  #lastWords = ''

  private constructor(name: string, child: ChildProcess) {
    this.name = name
    this.#child = child
    this.#exited = once(child, 'exit')
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-LAST_WORDS_MAX)
    })
  }

  static async start(module: URL, orders: MemberOrders, cacheDir: string): Promise<MemberProcess> {
    const settings = Object.entries(process.env).filter(([key]) => key.startsWith('LUMOS_'))
    const child = fork(module, [JSON.stringify(orders)], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // A snapshot of its heap can be had by hand: `kill -USR2 PID`; it lies in its home.
      execArgv: ['--expose-gc', '--heapsnapshot-signal=SIGUSR2', `--diagnostic-dir=${orders.home}`],
      env: {
        ...process.env,
        ...Object.fromEntries(settings.map(([key]) => [key, undefined])),
        // Whoever churns starts the same program again and again.
        NODE_COMPILE_CACHE: cacheDir
      }
    })
    const member = new MemberProcess(orders.name, child)
    await Promise.race([
      once(child, 'message', { signal: AbortSignal.timeout(ANSWER_MS_MAX) }),
      member.#exited.then(exit => {
        throw new Error(`${orders.name} ended with ${exit} before it was ready: ${member.#lastWords}`)
      })
    ])
    return member
  }

  get pid(): number {
    return this.#child.pid!
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** @throws what went wrong there, or that it ended or did not answer. */
  ask<T>(question: Question): Promise<T> {
    const number = ++this.#asked
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const fail = (what: string) => () =>
      reject(new Error(`${this.name} ${what} when asked to ${question.ask}. ${this.#lastWords}`))
    const onMessage = ({ number: answered, value, failure }: Reply): void => {
      if (answered !== number) return
      if (failure === undefined) resolve(value as T)
      else reject(new Error(`${this.name}: ${failure}`))
    }
    const onExit = fail('ended')
    const timer = setTimeout(fail('does not answer'), ANSWER_MS_MAX)
    this.#child.on('message', onMessage).once('exit', onExit)
    if (this.running) this.#child.send({ number, question })
    else onExit()
    return promise.finally(() => {
      clearTimeout(timer)
      this.#child.off('message', onMessage).off('exit', onExit)
    })
  }

  /** SIGTERM lets it say goodbye, SIGKILL does not. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (this.running) this.#child.kill(signal)
    await this.#exited
  }
}
