/** `POST /v1/completions`, which continues texts as they are. */

import type { Context } from 'hono'
import * as z from 'zod'
import type { SnakeCase } from '../../interface/snake-case.ts'
import { TOP_LOGPROBS_MAX } from '../../interface/tasks/generation-params.ts'
import { textGeneration } from '../../interface/tasks/text-generation.ts'
import type { AppEnv } from '../app-env.ts'
import { type AskComponents, answerStream, answerWhole, readBody, unitContext } from '../asking/call.ts'
import { ModelName, rightModel } from '../asking/model-name.ts'
import {
  beside,
  type ChatAnswer,
  type ChoicePiece,
  type Done,
  executeAll,
  finishOf,
  type Logprobs,
  streamAll
} from '../asking/pieces.ts'
import { Choices, inputOf, MaxTokens, Sampling, samplingOf } from '../asking/sampling.ts'
import { defined, maybe, textsUpTo, unsupported } from '../asking/schema.ts'
import { DONE, dataEvent, progressComment } from '../asking/stream.ts'
import { chatUsage } from './chat-parts.ts'
import { failureEvent } from './chat-stream.ts'
import { completionLogprobs } from './logprobs.ts'

const UNIT = 'inference.complete'
/** As OpenAI has it. */
const MAX_TOKENS = 16
/** Of one request, each a call of its own. */
const ANSWERS_MAX = 16

const Completion = z
  .object({
    model: ModelName,
    prompt: textsUpTo(ANSWERS_MAX),
    max_tokens: z
      .unknown()
      .optional()
      .transform((tokens): unknown => tokens ?? MAX_TOKENS)
      .pipe(MaxTokens),
    n: Choices,
    ...Sampling,
    logprobs: maybe(z.int().min(0).max(TOP_LOGPROBS_MAX)),
    stream: maybe(z.boolean()),
    stream_options: maybe(z.object({ include_usage: maybe(z.boolean()) })),
    echo: unsupported(value => value === false),
    suffix: unsupported(value => value === ''),
    best_of: unsupported(value => value === 1)
  })
  .superRefine(({ prompt, n }, context) => {
    if (prompt.length * n <= ANSWERS_MAX) return
    const message = `prompts and n make more than ${ANSWERS_MAX} answers`
    context.addIssue({ code: 'custom', path: ['n'], message })
  })

type Answer = Omit<ChatAnswer, 'content'> & { readonly text: string }

export const completionRoute = (components: AskComponents) => async (c: Context<AppEnv>) => {
  const body = await readBody(c, components, Completion)
  const { model, prompt: prompts, n, logprobs } = body
  const { units, clock } = components
  const asked = logprobs !== undefined && { logprobs: true, top_logprobs: logprobs }
  const inputs = prompts.flatMap(prompt => {
    const input = defined({
      model,
      prompt,
      max_tokens: body.max_tokens,
      ...asked,
      ...samplingOf(body)
    })
    return Array.from({ length: n }, (_, choice) => inputOf(input, choice))
  })
  const calls = { unit: UNIT, inputs, context: unitContext(c, UNIT) }
  const head = {
    ...{ id: `cmpl-${c.var.call.requestId}`, object: 'text_completion' },
    ...{ created: Math.floor(clock.wallMs() / 1000), model }
  }

  return rightModel(components, c, { model, task: textGeneration.name }, async () => {
    if (body.stream) {
      const options = {
        ...{ head, choices: inputs.length, withLogprobs: logprobs !== undefined },
        withUsage: body.stream_options?.include_usage === true
      }
      return answerStream(c, components, completionChunks(streamAll(units, calls), options), failureEvent)
    }
    const answers = await executeAll<Answer>(units, calls)
    const choices = answers.map((answer: SnakeCase<Answer>, index) => ({
      ...{ text: answer.text, index },
      logprobs: logprobs === undefined ? null : completionLogprobs(answer.logprobs ?? []),
      finish_reason: finishOf(answer.finish_reason, false),
      ...beside(answer)
    }))
    return answerWhole(c, { ...head, choices, usage: chatUsage(answers.map(({ usage }) => usage)) })
  })
}

interface StreamOptions {
  readonly head: object
  readonly choices: number
  readonly withLogprobs: boolean
  readonly withUsage: boolean
}

async function* completionChunks(
  pieces: AsyncIterable<ChoicePiece>,
  { head, choices, withLogprobs, withUsage }: StreamOptions
): AsyncGenerator<string, void, undefined> {
  const lengths = Array.from({ length: choices }, () => 0)
  const usages: (Done['usage'] | undefined)[] = lengths.map(() => undefined)
  const chunk = (index: number, text: string, logprobs: Logprobs | undefined, end?: Done) =>
    dataEvent({
      ...head,
      choices: [
        {
          ...{ text, index },
          logprobs:
            withLogprobs && logprobs ? completionLogprobs(logprobs, lengths[index]! - text.length) : null,
          finish_reason: end === undefined ? null : finishOf(end.finish_reason, false),
          ...(end && beside(end))
        }
      ],
      ...(withUsage && { usage: null })
    })

  for await (const { choice, piece } of pieces) {
    if (piece.type === 'done') {
      usages[choice] = piece.usage
      yield chunk(choice, '', undefined, piece)
    } else if (piece.type === 'progress') {
      const text = progressComment(piece)
      if (text !== '') yield text
    } else if (piece.type === 'text' || piece.type === 'delta') {
      const { text = '' } = piece
      lengths[choice]! += text.length
      yield chunk(choice, text, piece.type === 'delta' ? piece.logprobs : undefined)
    }
  }
  if (withUsage) yield dataEvent({ ...head, choices: [], usage: chatUsage(usages) })
  yield DONE
}
