/** Units that answer what the suite asks of its example server, in place of those of a node. */

import type { ServerContext } from '@modelcontextprotocol/server'
import type { CallOptions, UnitCalls } from '../../gateway/mcp/calls.ts'
import { LumosError } from '../../interface/errors.ts'
import type { UnitDescription } from '../../units/description.ts'

/** One red point. */
export const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=='
/** No sound, of no length. */
const WAV = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA='

type Answer = (options: CallOptions, input: Readonly<Record<string, string>>) => Promise<unknown>

type Schema = Extract<
  Parameters<ServerContext['mcpReq']['elicitInput']>[0],
  { mode?: 'form' }
>['requestedSchema']

const ASKED_OF_A_PERSON: Schema = {
  type: 'object',
  properties: { username: { type: 'string' }, email: { type: 'string' } },
  required: ['username', 'email']
}

const DEFAULTS: Schema = {
  type: 'object',
  properties: {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true }
  }
}

const ONE_TO_THREE = ['option1', 'option2', 'option3']
const TITLED = [1, 2, 3].map(n => ({ const: `value${n}`, title: `Choice ${n}` }))
const CHOICES: Schema = {
  type: 'object',
  properties: {
    untitledSingle: { type: 'string', enum: ONE_TO_THREE },
    titledSingle: { type: 'string', oneOf: TITLED },
    legacyEnum: { type: 'string', enum: ['opt1', 'opt2'], enumNames: ['Option One', 'Option Two'] },
    untitledMulti: { type: 'array', items: { type: 'string', enum: ONE_TO_THREE } },
    titledMulti: { type: 'array', items: { anyOf: TITLED } }
  }
}

const talkWith = ({ mcpReq }: ServerContext): Readonly<Record<string, Answer>> => ({
  test_sampling: async (_, { prompt = '' }) => {
    const messages = [{ role: 'user' as const, content: { type: 'text' as const, text: prompt } }]
    return mcpReq.requestSampling({ messages, maxTokens: 100 })
  },
  test_elicitation: async (_, { message = '' }) =>
    mcpReq.elicitInput({ message, requestedSchema: ASKED_OF_A_PERSON }),
  test_elicitation_sep1034_defaults: async () =>
    mcpReq.elicitInput({ message: 'Defaults', requestedSchema: DEFAULTS }),
  test_elicitation_sep1330_enums: async () =>
    mcpReq.elicitInput({ message: 'Choices', requestedSchema: CHOICES }),
  test_tool_with_logging: async () => {
    for (const words of ['started', 'processing', 'completed']) await mcpReq.log('info', words)
    return { done: true }
  }
})

const ANSWERS: Readonly<Record<string, Answer>> = {
  test_simple_text: async () => ({ text: 'This is a simple text response for testing.' }),
  test_image_content: async () => ({ bytes: PNG }),
  test_audio_content: async () => ({ bytes: WAV }),
  test_error_handling: async () => {
    throw new LumosError('NOT_SUPPORTED', 'This tool fails on purpose.')
  },
  test_tool_with_progress: async ({ onPiece }) => {
    for (const stage of ['first', 'second', 'third']) onPiece?.({ stage })
    return { done: true }
  },
  test_logging_tool: async () => ({ done: true }),
  test_streaming_elicitation: async () => ({ done: true })
}

const RESOURCES = ['test://static-text', 'test://watched-resource', 'test://template/{id}/data']

export function everythingCalls(context: ServerContext): UnitCalls {
  const answers = { ...ANSWERS, ...talkWith(context) }
  return {
    list: async () => [...Object.keys(answers), 'resource.list', 'resource.read'].map(described),
    async call(unit, input, options) {
      const given = input as Readonly<Record<string, string>>
      if (unit === 'resource.list') return { items: RESOURCES.map(uri => listed(uri)) }
      if (unit !== 'resource.read') return answers[unit]!(options, given)
      const isThere = RESOURCES.some(uri => given.uri!.startsWith(uri.replace(/{.*/, '')))
      if (isThere) return { of: given.uri }
      throw new LumosError('RESOURCE_NOT_FOUND', 'There is no such resource.')
    },
    async *watch(_unit, _input, signal) {
      yield { type: 'snapshot' }
      await new Promise(resolve => signal.addEventListener('abort', resolve))
    }
  }
}

const listed = (uri: string) => ({ uri, unit: 'resource.read', summary: 'A resource of the suite.' })

const described = (name: string): UnitDescription => ({
  ...{ name, kind: 'command', permission: 'read', idempotent: true, takes_peer: false },
  ...{ summary: 'A tool of the suite.', streams: true, input_bytes_max: 1024 },
  input: { type: 'object', properties: {} },
  output: { properties: { bytes: { type: 'string', contentEncoding: 'base64' } } }
})
