/** Answers of `/api/chat` and `/api/generate`: lines of JSON as they come, or one whole. */

import type { Context } from 'hono'
import type { AppEnv } from '../app-env.ts'
import { type AskComponents, answerStream, answerWhole, unitContext } from '../asking/call.ts'
import type { Piece } from '../asking/pieces.ts'
import { failureLine } from './errors.ts'
import { type Part, partsOf, type ToolCall } from './parts.ts'

/** What a part is called in the answer of a route. */
export type Body = (part: Omit<Part, 'end' | 'logprobs'>) => object

export interface Wanted {
  readonly unit: string
  readonly input: object
  /** As the client called the model. */
  readonly name: string
  readonly think: boolean | string | undefined
  readonly stream: boolean
  readonly bodyOf: Body
}

export async function answer(
  components: AskComponents,
  c: Context<AppEnv>,
  { unit, input, name, think, stream, bodyOf }: Wanted
): Promise<Response> {
  const { units, clock } = components
  const head = () => ({ model: name, created_at: new Date(clock.wallMs()).toISOString() })
  const pieces = units.stream(unit, input, unitContext(c, unit)) as AsyncIterable<Piece>
  const parts = partsOf(pieces, { clock, think })
  if (!stream) {
    const { end, logprobs, ...whole } = await sumOf(parts)
    return answerWhole(c, { ...head(), ...bodyOf(whole), ...(logprobs && { logprobs }), done: true, ...end })
  }
  const lineOf = ({ end, logprobs, ...part }: Part) =>
    `${JSON.stringify({
      ...{ ...head(), ...bodyOf(part) },
      ...(logprobs && { logprobs }),
      ...{ done: end !== undefined, ...end }
    })}\n`
  return answerStream(c, components, linesOf(parts, lineOf), failureLine, {
    type: 'application/x-ndjson',
    // Lines have no comments: an answer of no words says that it goes on.
    beat: () => lineOf({})
  })
}

async function* linesOf(
  parts: AsyncIterable<Part>,
  lineOf: (part: Part) => string
): AsyncGenerator<string, void, undefined> {
  for await (const part of parts) yield lineOf(part)
}

async function sumOf(parts: AsyncIterable<Part>): Promise<Part> {
  let [text, thinking] = ['', '']
  let end: object = {}
  const calls: ToolCall[] = []
  const logprobs: object[] = []
  for await (const part of parts) {
    text += part.text ?? ''
    thinking += part.thinking ?? ''
    calls.push(...(part.calls ?? []))
    logprobs.push(...(part.logprobs ?? []))
    end = part.end ?? end
  }
  return { text, thinking, calls, end, ...(logprobs.length > 0 && { logprobs }) }
}
