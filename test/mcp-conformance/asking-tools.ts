/** Tools and a prompt of the suite that ask their caller for more (SEP-2322), which no unit of a node does. */

import { randomBytes } from 'node:crypto'
import {
  acceptedContent,
  type CallToolResult,
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  createRequestStateCodec,
  type InputRequiredResult,
  inputRequired,
  MissingRequiredClientCapabilityError,
  type ServerContext
} from '@modelcontextprotocol/server'
import { PNG } from './units.ts'

export const states = createRequestStateCodec<number>({ key: randomBytes(32) })

const asked = (message: string, field: string) =>
  inputRequired.elicit({
    message,
    requestedSchema: { type: 'object', properties: { [field]: { type: 'string' } }, required: [field] }
  })
const sampled = (text: string) =>
  inputRequired.createMessage({
    messages: [{ role: 'user', content: { type: 'text', text } }],
    maxTokens: 100
  })
const saying = (text: string): CallToolResult => ({ content: [{ type: 'text', text }] })

type Answer = (context: ServerContext) => Promise<CallToolResult | InputRequiredResult>

/** Asks once, with a state that the client gives back as it is. */
const withState: Answer = async context =>
  context.mcpReq.requestState<number>() === 1
    ? saying('state-ok')
    : inputRequired({
        inputRequests: { confirm: asked('Please confirm', 'ok') },
        requestState: await states.mint(1, context)
      })

const answeredBy =
  (key: string, request: () => Parameters<typeof inputRequired>[0]['inputRequests']): Answer =>
  async ({ mcpReq: { inputResponses } }) =>
    inputResponses?.[key] === undefined
      ? inputRequired({ inputRequests: request()! })
      : saying(JSON.stringify(inputResponses))

const EMBEDDED = { uri: 'test://embedded-resource', mimeType: 'text/plain', text: 'Embedded.' }

export const ASKING: Readonly<Record<string, Answer>> = {
  test_input_required_result_elicitation: async ({ mcpReq: { inputResponses } }) => {
    const content = acceptedContent<{ name: string }>(inputResponses, 'user_name')
    return content === undefined
      ? inputRequired({ inputRequests: { user_name: asked('What is your name?', 'name') } })
      : saying(`Hello, ${content.name}!`)
  },
  test_input_required_result_sampling: answeredBy('capital_question', () => ({
    capital_question: sampled('What is the capital of France?')
  })),
  test_input_required_result_list_roots: answeredBy('client_roots', () => ({
    client_roots: inputRequired.listRoots()
  })),
  test_input_required_result_request_state: withState,
  test_input_required_result_tampered_state: withState,
  test_input_required_result_multiple_inputs: async context =>
    context.mcpReq.requestState<number>() === 1
      ? saying('all are here')
      : inputRequired({
          inputRequests: {
            user_name: asked('What is your name?', 'name'),
            greeting: sampled('Generate a greeting'),
            client_roots: inputRequired.listRoots()
          },
          requestState: await states.mint(1, context)
        }),
  test_input_required_result_multi_round: async context => {
    const round = context.mcpReq.requestState<number>() ?? 0
    if (round === 2) return saying('done')
    return inputRequired({
      inputRequests: { [`step${round + 1}`]: asked(`Step ${round + 1}`, 'name') },
      requestState: await states.mint(round + 1, context)
    })
  },
  test_input_required_result_capabilities: async ({ mcpReq }) => {
    const { sampling, elicitation } = capabilitiesOf(mcpReq)
    return inputRequired({
      inputRequests: {
        ...(sampling && { capital_question: sampled('What is the capital of France?') }),
        ...(elicitation && { user_name: asked('What is your name?', 'name') })
      }
    })
  },
  test_missing_capability: async ({ mcpReq }) => {
    if (capabilitiesOf(mcpReq).sampling === undefined)
      throw new MissingRequiredClientCapabilityError({ requiredCapabilities: { sampling: {} } })
    return saying('it has it')
  },
  test_embedded_resource: async () => ({ content: [{ type: 'resource', resource: EMBEDDED }] }),
  test_multiple_content_types: async () => ({
    content: [
      { type: 'text', text: 'Multiple content types test:' },
      { type: 'image', data: PNG, mimeType: 'image/png' },
      { type: 'resource', resource: EMBEDDED }
    ]
  })
}

/** As the request declares them, for it alone. */
const capabilitiesOf = ({ envelope = {} }: ServerContext['mcpReq']): ClientCapabilities =>
  (envelope as Record<string, ClientCapabilities>)[CLIENT_CAPABILITIES_META_KEY] ?? {}

export const askForContext = () =>
  inputRequired({ inputRequests: { user_context: asked('Which context?', 'context') } })
