/** Asks in the terminal: for what must not be shown, and whether to go on. */

import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { CancelledError, LumosError } from '../interface/errors.ts'

/** Whether a person is at the terminal of this process. */
export const canAsk = (): boolean => process.stdin.isTTY === true && process.stderr.isTTY === true

/**
 * What is typed up to Enter.
 *
 * @throws {CancelledError} after Ctrl-C or Ctrl-D.
 */
export async function askSecret(question: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  // Readline puts the terminal in raw mode and does the echo itself: into this.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true, historySize: 0 })
  lines
    .once('line', resolve)
    .once('SIGINT', () => lines.close())
    .once('close', () => reject(new CancelledError('Nothing was given.')))

  process.stderr.write(question)
  try {
    return await promise
  } finally {
    lines.close()
    process.stderr.write('\n')
  }
}

/**
 * Goes on only if the person says so, or said so with `--yes`.
 *
 * @throws {LumosError} `CANCELLED` when they say no, `USAGE` without a terminal to ask at.
 */
export async function confirm(question: string, yes: boolean | undefined): Promise<void> {
  if (yes) return
  if (!canAsk())
    throw new LumosError('USAGE', `${question} This command asks at a terminal, and there is none.`, {
      hint: 'Add --yes.'
    })
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await new Promise<string>(resolve => {
    lines.once('close', () => resolve(''))
    lines.question(`${question} [y/N] `, resolve)
  })
  lines.close()
  if (!/^y(es)?$/i.test(answer.trim())) throw new CancelledError('Nothing was changed.')
}
