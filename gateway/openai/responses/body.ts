/** What a response is asked with, and what that is for `inference.chat`. */

import * as z from 'zod'
import { NAME_CHARS_MAX } from '../../../interface/chunks.ts'
import { TOP_LOGPROBS_MAX } from '../../../interface/tasks/generation-params.ts'
import { Text } from '../../../interface/tasks/messages.ts'
import { ModelName } from '../../asking/model-name.ts'
import { MaxTokens, Sampling, samplingOf } from '../../asking/sampling.ts'
import { defined, listOf, maybe, unsupported } from '../../asking/schema.ts'
import { ResponseToolChoice, ResponseTools, TextFormat, wrongChoice } from '../tools.ts'
import { ResponseInput, type UnitMessage } from './input.ts'

/** Of what a response may hold beside its words, what a model has. */
const LOGPROBS = 'message.output_text.logprobs'
/** The protocol knows some ten. */
const INCLUDES_MAX = 64

export const Body = z
  .object({
    model: ModelName,
    input: ResponseInput,
    instructions: maybe(Text),
    previous_response_id: maybe(z.string().min(1).max(NAME_CHARS_MAX)),
    max_output_tokens: MaxTokens,
    ...Sampling,
    top_logprobs: maybe(z.int().min(0).max(TOP_LOGPROBS_MAX)),
    include: maybe(listOf(z.string(), INCLUDES_MAX, 0)),
    tools: ResponseTools,
    tool_choice: ResponseToolChoice,
    parallel_tool_calls: maybe(z.boolean()),
    text: maybe(z.object({ format: TextFormat })),
    store: maybe(z.boolean()),
    stream: maybe(z.boolean()),
    metadata: maybe(z.record(z.string().max(64), z.string().max(512))),
    /** The response is made whether its client stays or not. */
    background: maybe(z.boolean()),
    conversation: unsupported(() => false, "Use 'previous_response_id' instead."),
    prompt: unsupported(() => false)
  })
  .superRefine(({ tools, tool_choice }, context) => {
    const message = wrongChoice(tool_choice, tools)
    if (message !== undefined) context.addIssue({ code: 'custom', path: ['tool_choice'], message })
  })
export type Body = z.output<typeof Body>

export function inputFor(body: Body, messages: readonly UnitMessage[]): Record<string, unknown> {
  const { model, max_output_tokens, top_logprobs, tools, tool_choice, parallel_tool_calls, text } = body
  const wantsLogprobs = top_logprobs !== undefined || body.include?.includes(LOGPROBS)
  return defined({
    ...{ model, messages, max_tokens: max_output_tokens },
    ...(wantsLogprobs && { logprobs: true, top_logprobs }),
    ...(tools && tools.length > 0 && { tools, tool_choice, parallel_tool_calls }),
    ...{ response_format: text?.format, ...samplingOf(body) }
  })
}
