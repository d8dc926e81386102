/** Receipts of answers: written to a file, and checked. */

import { LumosError } from '../../../interface/errors.ts'
import type { ReceiptVerdict } from '../../../interface/receipts.ts'
import { isRecord } from '../../../interface/record.ts'
import type { SnakeCase } from '../../../interface/snake-case.ts'
import { findNode, type Meta } from '../../client.ts'
import { readJson, readText } from '../../input.ts'
import type { Invocation } from '../../invocation.ts'
import { type Output, printable } from '../../output.ts'
import { writePrivateFile } from '../../output-file.ts'

interface VerifyOptions {
  readonly request?: string
  readonly answer?: string
}

type Verdict = SnakeCase<ReceiptVerdict>

/** Takes the receipts out of an answer, and writes them with its request once it is over. */
export class ReceiptFile {
  readonly #path: string
  readonly #request: unknown
  #receipts: unknown

  constructor(path: string, request: unknown) {
    this.#path = path
    this.#request = request
  }

  /** The same pieces. */
  async *through(pieces: AsyncGenerator<unknown, Meta>): AsyncGenerator<unknown, Meta> {
    for (;;) {
      const next = await pieces.next()
      if (next.done) return next.value
      this.take(next.value)
      yield next.value
    }
  }

  /** @param answer one that is whole, or a piece of one. */
  take(answer: unknown): void {
    if (isRecord(answer) && answer.receipts !== undefined) this.#receipts = answer.receipts
  }

  /** @throws {LumosError} `NOT_SUPPORTED` where the device that answered has signed nothing. */
  write(output: Output): void {
    if (this.#receipts === undefined)
      throw new LumosError('NOT_SUPPORTED', 'The device that answered gives no receipts.', {
        hint: 'It runs an earlier version of lumos-node.'
      })
    const content = { receipts: this.#receipts, request: this.#request }
    const path = writePrivateFile(this.#path, `${JSON.stringify(content, null, 2)}\n`)
    output.note(`Receipt: ${path}`)
  }
}

export async function run({ args, options, output }: Invocation<VerifyOptions>): Promise<void> {
  const [file] = args as [string]
  const held = await readJson(`@${file}`)
  if (!isRecord(held) || !Array.isArray(held.receipts))
    throw new LumosError('USAGE', `${file} holds no receipts.`, {
      hint: 'lumos-node infer … --receipt FILE writes them.'
    })
  const request = options.request === undefined ? held.request : await readJson(`@${options.request}`)
  const answer = options.answer === undefined ? {} : answerIn(await readText(`@${options.answer}`))
  const input = { receipts: held.receipts, request, ...answer }
  const { data } = await findNode(options).execute<ReceiptVerdict>('inference.verify', input)
  output.data(data, () => wordsFor(data))
  if (!data.ok) process.exitCode = 1
}

/** Lines of JSON as `--jsonl` prints them; else the text itself. */
function answerIn(text: string): { answer: string } | { pieces: unknown[] } {
  try {
    const pieces: unknown[] = text
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line))
    return pieces.length > 0 && pieces.every(piece => isRecord(piece) && 'index' in piece)
      ? { pieces }
      : { answer: text }
  } catch {
    return { answer: text }
  }
}

function wordsFor({ ok, checked, receipts, problems }: Verdict): string {
  const lines = receipts.map(({ name, peer_id, model, weights, engine, from, pieces, at_ms }) => {
    const what = [model, engine, weights].filter(word => word !== null).map(printable)
    const span = pieces === 0 ? 'no pieces' : `pieces ${from} to ${from + pieces - 1}`
    const date = new Date(at_ms).toISOString()
    return `${printable(name ?? '')} ${peer_id}: ${span}, with ${what.join(', ')}, at ${date}`
  })
  lines.push(...problems.map(({ reason, message }) => `Wrong (${reason}): ${printable(message)}`))
  const open = [!checked.request && 'the request', !checked.answer && 'the answer'].filter(Boolean)
  if (ok)
    lines.push(
      open.length > 0 ? `Signed by this mesh. Not checked: ${open.join(', ')}.` : 'All is as signed.'
    )
  return lines.join('\n')
}
