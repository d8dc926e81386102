/** Conversations and texts that are continued or translated, each by a name of its own. */

import * as z from 'zod'
import { ModelId } from '../../interface/names.ts'
import type { LumosNode } from '../../interface/node.ts'
import { GenerationParams } from '../../interface/tasks/generation-params.ts'
import type { TaskOutput } from '../../interface/tasks/index.ts'
import { Messages, Text } from '../../interface/tasks/messages.ts'
import { textGeneration } from '../../interface/tasks/text-generation.ts'
import { translation } from '../../interface/tasks/translation.ts'
import type { UnitContext } from '../../interface/units.ts'
import { defineUnit } from '../define-unit.ts'
import { ask } from './ask.ts'
import { Chunk, Ending } from './chunk.ts'
import { inferKept } from './kept.ts'
import type { Row } from './named-unit.ts'

/** A conversation with the pictures in it, in base64. */
const CHAT_BYTES_MAX = 40 * 1024 * 1024
/** Texts alone: the longest that are taken, each character of it escaped. */
const PROMPT_BYTES_MAX = 8 * 1024 * 1024

const model = ModelId.optional()
const { text: _text, ...Beside } = textGeneration.output.shape

const Chat = z.strictObject({ model, messages: Messages, ...GenerationParams.shape })
const Completion = z.strictObject({ model, prompt: Text, ...GenerationParams.shape })

const QUESTION = { messages: [{ role: 'user', content: 'What is the capital of Norway?' }], max_tokens: 8 }
const ENDING = { finish_reason: 'stop', usage: { input_tokens: 12, output_tokens: 2 } }

export const textUnits = (node: LumosNode) => [
  defineUnit({
    name: 'inference.chat',
    kind: 'command',
    permission: 'use',
    idempotent: true,
    summary:
      'Continue a conversation, with tools, pictures and answers of a given form where the model has them.',
    takesPeer: true,
    inputBytesMax: CHAT_BYTES_MAX,
    examples: [{ input: QUESTION, output: { model: 'tiny-llm', content: 'Oslo.', ...ENDING } }],
    input: Chat,
    output: z.strictObject({ model: z.string(), content: z.string(), ...Beside, ...Ending }),
    item: Chunk,
    async run({ model, messages, ...params }, context) {
      const {
        text,
        model: answered,
        ...rest
      } = await whole(node, { model, input: { messages }, params }, context)
      return { model: answered, content: text, ...rest }
    },
    stream: ({ model, messages, ...params }, context) =>
      pieces(node, { model, input: { messages }, params }, context)
  }),
  defineUnit({
    name: 'inference.complete',
    kind: 'command',
    permission: 'use',
    idempotent: true,
    summary: 'Continue a text as it is.',
    takesPeer: true,
    inputBytesMax: PROMPT_BYTES_MAX,
    examples: [
      {
        input: { prompt: 'The capital of Norway is', max_tokens: 4 },
        output: { model: 'tiny-llm', text: ' Oslo.', ...ENDING }
      }
    ],
    input: Completion,
    output: z.strictObject({ model: z.string(), text: z.string(), ...Beside, ...Ending }),
    item: Chunk,
    run: ({ model, prompt, ...params }, context) =>
      whole(node, { model, input: { prompt }, params }, context),
    stream: ({ model, prompt, ...params }, context) =>
      pieces(node, { model, input: { prompt }, params }, context)
  })
]

/** A row of `named.ts`. */
export const TRANSLATE: Row = {
  name: 'inference.translate',
  tasks: [translation],
  inputBytesMax: PROMPT_BYTES_MAX,
  examples: [
    {
      input: { texts: ['Good morning.'], from: 'en', to: 'no' },
      output: { model: 'apertium', texts: ['God morgen.'] }
    }
  ]
}

interface Question {
  readonly model: string | undefined
  readonly input: unknown
  readonly params: Readonly<Record<string, unknown>>
}

async function whole(node: LumosNode, question: Question, context: UnitContext) {
  const { task, output, ...ending } = await ask(node, { ...question, ...TASK }, context)
  return { ...ending, ...(output as TaskOutput<typeof textGeneration.name>) }
}

const pieces = (node: LumosNode, question: Question, context: UnitContext) =>
  inferKept(node, { ...question, ...TASK }, context)

const TASK = { task: textGeneration.name }
