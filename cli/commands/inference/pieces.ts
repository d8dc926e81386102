/** Prints an answer as it comes: its text, and beside it, on stderr, what is no text. */

import type { InferenceChunk } from '../../../interface/chunks.ts'
import { queueWords } from '../../../interface/queue-words.ts'
import type { SnakeCase } from '../../../interface/snake-case.ts'
import type { Meta } from '../../client.ts'
import { type Output, printable } from '../../output.ts'

type Piece = SnakeCase<InferenceChunk>

export async function printPieces(
  pieces: AsyncGenerator<unknown, Meta>,
  output: Output,
  asJson: boolean
): Promise<Meta> {
  const notes = new Notes(output)
  let last = '\n'
  for (;;) {
    const next = await pieces.next()
    if (next.done) {
      if (!last.endsWith('\n')) await output.raw('\n')
      notes.end()
      return next.value
    }
    const piece = next.value as Piece
    if (asJson) {
      await output.raw(`${JSON.stringify(piece)}\n`)
      continue
    }
    const text = piece.type === 'text' || piece.type === 'delta' ? (piece.text ?? '') : ''
    if (text !== '') {
      last = text
      await output.raw(text)
    }
    notes.add(piece)
  }
}

/** Progress as it comes; tool calls and media once they are whole. Reasoning is in `--json` and `--jsonl` only. */
class Notes {
  readonly #output: Output
  readonly #calls = new Map<number, { name: string; words: string }>()
  readonly #media = new Map<number, { readonly mime: string; chars: number }>()
  #progress = ''

  constructor(output: Output) {
    this.#output = output
  }

  add(piece: Piece): void {
    switch (piece.type) {
      case 'progress': {
        const { stage, done, total, continued, queue } = piece
        if (continued !== undefined) {
          this.#note(
            `Another device goes on with the answer${continued === 'exact' ? '' : ' in its own words'}.`
          )
          break
        }
        if (stage.startsWith('waking ')) {
          this.#note(`${stage}: takes about ${Math.ceil((total ?? 0) / 1000)} s`)
          break
        }
        if (queue !== undefined) {
          this.#note(`The request waits: ${queueWords(queue)}.`)
          break
        }
        if (stage === 'queued') break
        const far = total === undefined || total === 0 ? `${done}` : `${Math.floor((done / total) * 100)} %`
        const progress = `${stage}: ${far}`
        if (progress !== this.#progress) this.#note(progress)
        this.#progress = progress
        break
      }
      case 'delta':
        for (const { index, name, arguments: words = '' } of piece.tool_calls ?? []) {
          const call = this.#calls.get(index) ?? { name: '', words: '' }
          this.#calls.set(index, { name: name ?? call.name, words: call.words + words })
        }
        break
      case 'data': {
        const { part, mime, bytes } = piece
        const chars = (this.#media.get(part)?.chars ?? 0) + bytes.length
        this.#media.set(part, { mime, chars })
      }
    }
  }

  end(): void {
    for (const { name, words } of this.#calls.values()) this.#note(`The model calls ${name}(${words}).`)
    for (const { mime, chars } of this.#media.values()) {
      this.#note(
        `About ${Math.ceil((chars * 3) / 4)} bytes of ${mime}: --json and --jsonl print them, and infer --out writes them.`
      )
    }
  }

  /** Words of a peer, on one line. */
  #note(text: string): void {
    this.#output.note(printable(text).replace(/\s+/g, ' '))
  }
}
