/** A request and an answer, held to what receipts say of them. */

import { createHash } from 'node:crypto'
import type { InferenceChunk } from '../../interface/chunks.ts'
import { toLumosError } from '../../interface/errors.ts'
import { DEFAULT_BUDGET_MS } from '../../interface/inference.ts'
import { prepare } from '../../interface/prepare.ts'
import type { AskedRequest, Receipt } from '../../interface/receipts.ts'
import { isTaskName } from '../../interface/tasks/index.ts'
import { PieceDigest, requestDigest } from '../../protocols/inference/index.ts'

/** What is wrong with it; nothing where the receipt is for it. What it leaves open the receipt says. */
export async function problemOfRequest(
  { task, model, request, requestId }: Receipt,
  given: AskedRequest
): Promise<string | undefined> {
  if (!isTaskName(task)) return `This version does not know the task "${task}" of the receipt.`
  if (given.task !== undefined && given.task !== task) return `The receipt is for ${task}, not ${given.task}.`
  if (given.model !== undefined && given.model !== model)
    return `The receipt is for the model ${model}, not ${given.model}.`
  try {
    const { input, params = {} } = given
    const budgetMs = DEFAULT_BUDGET_MS
    const digest = await requestDigest(prepare({ id: requestId, task, model, input, params, budgetMs }))
    return digest === request ? undefined : 'The receipt is for another request.'
  } catch (thrown) {
    return `The request cannot be read: ${toLumosError(thrown).message}`
  }
}

export function problemOfAnswer(
  parts: readonly Receipt[],
  answer: string | readonly InferenceChunk[]
): string | undefined {
  return typeof answer === 'string' ? problemOfText(parts, answer) : problemOfPieces(parts, answer)
}

function problemOfPieces(parts: readonly Receipt[], chunks: readonly InferenceChunk[]): string | undefined {
  const pieces = chunks.filter(({ type }) => type !== 'progress' && type !== 'done')
  const end = parts.at(-1)
  const count = end === undefined ? 0 : end.from + end.pieces
  if (pieces.length !== count)
    return `The answer has ${pieces.length} pieces, and the receipts are for ${count}.`
  if (pieces.some(({ index }, i) => index !== i))
    return 'The pieces of the answer are not numbered without gaps.'
  for (const { from, pieces: length, sha256 } of parts) {
    const digest = new PieceDigest()
    for (const piece of pieces.slice(from, from + length)) digest.add(piece)
    if (digest.value !== sha256)
      return `Pieces ${from} to ${from + length - 1} are not those that were signed.`
  }
  return undefined
}

function problemOfText(parts: readonly Receipt[], text: string): string | undefined {
  const bytes = Buffer.from(text)
  const isWords = ({ bytes: length, sha256 }: Receipt['text'], at: number) => {
    const slice = bytes.subarray(at, at + length)
    return slice.byteLength === length && createHash('sha256').update(slice).digest('hex') === sha256
  }
  let at = 0
  for (const { said, from, text: words } of parts) {
    if (said !== undefined && !isWords(said, 0))
      return `The text before piece ${from} is not what was signed.`
    at = said?.bytes ?? at
    if (!isWords(words, at)) return `The text from piece ${from} on is not what was signed.`
    at += words.bytes
  }
  // Programs that write text to a file end it with a line end.
  const rest = bytes.subarray(at).toString()
  return rest === '' || rest === '\n' ? undefined : 'The answer has text that was not signed.'
}
