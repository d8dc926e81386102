/** A conversation as the text that its model continues, by the template that the model's makers wrote for it. */

import type { PreTrainedTokenizer } from '@huggingface/transformers'
import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import type { TaskInput, TaskParams } from '../../../interface/tasks/index.ts'
import { offered } from '../text/constraint.ts'
import { type ControlText, piecesOf } from '../text/control-text.ts'
import { mustBeText } from '../text/only-text.ts'
import { templateMessage, templateTool } from '../text/template-messages.ts'

type Input = TaskInput<'text-generation'>
type Params = TaskParams<'text-generation'>
type Message = NonNullable<Input['messages']>[number]

/** What a template may make of a conversation. A million tokens are some 4 MiB; a template that repeats itself makes more. */
const PROMPT_CHARS_MAX = 16 * 1024 * 1024

export interface ConversationReader {
  readonly tokenizer: PreTrainedTokenizer
  readonly control: ControlText
}

/** @throws {LumosError} `INVALID_INPUT` with the words of the template, which may refuse roles or their order. */
export function promptOf(
  { tokenizer, control }: ConversationReader,
  messages: readonly Message[],
  params: Params
): string {
  mustBeText(messages)
  const template = templateOf(tokenizer)
  let prompt: unknown
  try {
    const tools = control.parted(offered(params))
    prompt = tokenizer.apply_chat_template(
      control.parted(messages).map(message => templateMessage(message, template)) as never,
      {
        tokenize: false,
        add_generation_prompt: true,
        ...(tools.length > 0 && { tools: tools.map(templateTool) })
      } as never
    )
  } catch (err) {
    throw new InvalidInputError(
      `The model's chat template refuses the conversation: ${(err as Error).message}`
    )
  }
  if (typeof prompt === 'string' && prompt.length <= PROMPT_CHARS_MAX) return prompt
  throw new LumosError('MODEL_INVALID', `The chat template makes more than ${PROMPT_CHARS_MAX} characters.`)
}

/** Only the template's own text holds control tokens, and a prompt that a caller writes in its place. */
export const tokensOfPrompt = (
  tokenizer: PreTrainedTokenizer,
  prompt: string,
  { isWritten }: { readonly isWritten: boolean }
): number[] =>
  isWritten
    ? tokenizer.encode(prompt)
    : piecesOf(prompt).flatMap(piece => tokenizer.encode(piece, { add_special_tokens: false }))

/** All templates of the model as one text. */
function templateOf({ chat_template: template }: PreTrainedTokenizer): string {
  if (template === null || template === undefined) {
    throw new InvalidInputError('This model has no chat template: give it a prompt instead of messages.')
  }
  return typeof template === 'string' ? template : JSON.stringify(template)
}
