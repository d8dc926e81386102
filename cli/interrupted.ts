/** What a command left behind when it is interrupted: said before the process ends with 130. */

import type { Output } from './output.ts'

/** The command line's own handler ends the process right after. */
export function onInterrupt(output: Output, words: string): Disposable {
  const say = () => output.note(words)
  process.prependListener('SIGINT', say)
  return { [Symbol.dispose]: () => process.off('SIGINT', say) }
}

/** At the first interrupt, `work` is done before the process ends with 130; a second one ends it at once. */
export function onInterruptFirst(work: () => Promise<void>): Disposable {
  const others = process.listeners('SIGINT')
  const end = () => process.exit(130)
  const interrupted = () => {
    process.once('SIGINT', end)
    void work().finally(end)
  }
  process.removeAllListeners('SIGINT')
  process.once('SIGINT', interrupted)
  return {
    [Symbol.dispose]() {
      process.removeAllListeners('SIGINT')
      for (const other of others) process.on('SIGINT', other)
    }
  }
}
