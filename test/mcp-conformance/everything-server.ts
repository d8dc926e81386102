/**
 * The example server that the suite asks: our MCP server over other units. What no node serves, such as prompts, the
 * suite asks for too, and is put beside it here.
 */

import type { GetPromptResult, Server, ServerContext } from '@modelcontextprotocol/server'
import type { createMcpServer } from '../../gateway/mcp/server.ts'
import { ASKING, askForContext, states } from './asking-tools.ts'
import { everythingCalls, PNG } from './units.ts'

type MakeServer = typeof createMcpServer
type Sdk = Parameters<MakeServer>[0]
// biome-ignore lint/suspicious/noExplicitAny: handlers of every method
type Handler = (request: any, context: ServerContext) => any

const text = (words: string) => ({ role: 'user' as const, content: { type: 'text' as const, text: words } })

const PROMPTS: Readonly<
  Record<string, (given: Readonly<Record<string, string>>) => GetPromptResult['messages']>
> = {
  test_simple_prompt: () => [text('This is a simple prompt for testing.')],
  test_prompt_with_arguments: ({ arg1, arg2 }) => [
    text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)
  ],
  test_prompt_with_embedded_resource: ({ resourceUri = '' }) => [
    {
      role: 'user',
      content: { type: 'resource', resource: { uri: resourceUri, mimeType: 'text/plain', text: 'Embedded.' } }
    },
    text('Please process the embedded resource above.')
  ],
  test_prompt_with_image: () => [
    { role: 'user', content: { type: 'image', data: PNG, mimeType: 'image/png' } },
    text('Please analyze the image above.')
  ]
}
const ASKING_PROMPT = 'test_input_required_result_prompt'

const BINARY = 'test://static-binary'

/** Where the suite wants more than our handler has: that, and ours for the rest. */
const BESIDE: Readonly<Record<string, (ours: Handler) => Handler>> = {
  'tools/list': ours => async (request, context) => {
    const { tools } = await ours(request, context)
    const more = Object.keys(ASKING).map(name => ({
      ...{ name, description: 'A tool of the suite.', inputSchema: { type: 'object', properties: {} } }
    }))
    return { tools: [...tools, ...more] }
  },
  'tools/call': ours => async (request, context) =>
    ASKING[request.params.name]?.(context) ?? ours(request, context),
  'resources/read': ours => async (request, context) =>
    request.params.uri === BINARY
      ? { contents: [{ uri: BINARY, mimeType: 'image/png', blob: PNG }] }
      : ours(request, context)
}

export function everythingIn(makeServer: MakeServer): MakeServer {
  return (sdk, options) => {
    class Beside extends sdk.Server {
      constructor(...[info, given]: ConstructorParameters<Sdk['Server']>) {
        const capabilities = { ...given?.capabilities, prompts: {}, completions: {}, logging: {} }
        super(info, { ...given, capabilities, requestState: { verify: states.verify } })
        const set = this.setRequestHandler.bind(this) as (method: string, handler: Handler) => void
        this.setRequestHandler = ((method: string, handler: Handler) =>
          set(method, BESIDE[method]?.(handler) ?? handler)) as Server['setRequestHandler']
      }
    }
    const server = makeServer(
      { ...sdk, Server: Beside as Sdk['Server'] },
      { ...options, callsOf: everythingCalls, chosenBy: () => ['all'] }
    )
    server.setRequestHandler('prompts/list', async () => ({
      prompts: [...Object.keys(PROMPTS), ASKING_PROMPT].map(name => ({
        name,
        description: 'A prompt of the suite.'
      }))
    }))
    server.setRequestHandler('prompts/get', async ({ params }, { mcpReq }) => {
      if (params.name === ASKING_PROMPT && mcpReq.inputResponses === undefined) return askForContext()
      const messages = PROMPTS[params.name]?.(params.arguments ?? {}) ?? [text('with its context')]
      return { messages }
    })
    server.setRequestHandler('completion/complete', async () => ({ completion: { values: ['paris'] } }))
    return server
  }
}
