/** What a command left behind when it is interrupted: said before the process ends with 130. */

import type { Output } from './output.ts'

/** The command line's own handler ends the process right after. */
export function onInterrupt(output: Output, words: string): Disposable {
  const say = () => output.note(words)
  process.prependListener('SIGINT', say)
  return { [Symbol.dispose]: () => process.off('SIGINT', say) }
}
