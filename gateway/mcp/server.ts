/** One MCP server: the tools and resources of a node for one client. The same serves stdio and HTTP, in both eras. */

import type { Server, ServerContext } from '@modelcontextprotocol/server'
import { toLumosError } from '../../interface/errors.ts'
import { isRecord } from '../../interface/record.ts'
import { VERSION } from '../../node/version.ts'
import { traceOf } from '../trace.ts'
import type { McpServerOptions, UnitCalls } from './calls.ts'
import { followedJob, type JobProgress, jobIn } from './jobs.ts'
import { serveResources } from './resources.ts'
import { errorResult, resultOf } from './result.ts'
import { type ServedTool, servedTools } from './tools.ts'

type Sdk = typeof import('@modelcontextprotocol/server')

const INSTRUCTIONS =
  'Tools of a lumos-node, which runs AI models on the devices of one person or group. ' +
  'model_list names the models that can be asked; mesh_peers the devices.'

/** More text of a piece is of no use in a line of progress. */
const PIECE_CHARS_MAX = 1024

export function createMcpServer(sdk: Sdk, options: McpServerOptions): Server {
  const { chosenBy, callsOf, tellsOfTools, room, listens = false, gone } = options
  const server = new sdk.Server(
    { name: 'lumos-node', title: 'lumos-node', version: VERSION },
    {
      capabilities: {
        tools: { listChanged: tellsOfTools },
        resources: { listChanged: false, subscribe: listens || room !== undefined }
      },
      instructions: INSTRUCTIONS
    }
  )
  server.setRequestHandler('tools/list', async (_, context) => {
    const tools = await servedTools(callsOf(context), chosenBy(context))
    return { tools: [...tools.values()].map(({ tool }) => tool) }
  })
  server.setRequestHandler('tools/call', async ({ params }, context) => {
    const calls = callsOf(context)
    try {
      const served = (await servedTools(calls, chosenBy(context))).get(params.name)
      if (served === undefined) throw unknownTool(sdk, params.name)
      const answer = await call(calls, served, params.arguments ?? {}, context, gone)
      return server.projectCallToolResult(resultOf(answer, served), served.tool.outputSchema)
    } catch (thrown) {
      if (thrown instanceof sdk.ProtocolError) throw thrown
      const error = toLumosError(thrown)
      if (error.code === 'INTERNAL') options.onFailure?.(thrown)
      return errorResult(error)
    }
  })
  serveResources(sdk, server, options)
  return server
}

const unknownTool = ({ ProtocolError, ProtocolErrorCode }: Sdk, name: string) =>
  new ProtocolError(ProtocolErrorCode.InvalidParams, `There is no tool "${name.slice(0, 128)}" here.`)

async function call(
  calls: UnitCalls,
  { unit, takesPeer }: ServedTool,
  given: Readonly<Record<string, unknown>>,
  { mcpReq }: ServerContext,
  gone: AbortSignal | undefined
): Promise<unknown> {
  const { peer, ...rest } = given
  const named = takesPeer && typeof peer === 'string' && peer !== ''
  const input = named || (takesPeer && peer === undefined) ? rest : given
  const { progressToken: token, traceparent } = mcpReq._meta ?? {}
  // The client may be gone, which the signal says.
  const onProgress = (progress: JobProgress) =>
    void mcpReq
      .notify({ method: 'notifications/progress', params: { progressToken: token!, ...progress } })
      .catch(() => {})
  let pieces = 0
  const onPiece = (piece: unknown) => onProgress({ progress: ++pieces, ...wordsOf(piece) })
  const { signal } = mcpReq
  const answer = await calls.call(unit.name, input, {
    signal,
    ...(typeof traceparent === 'string' && traceOf('', traceparent).given && { traceparent }),
    ...(named && { peer: peer as string }),
    ...(token !== undefined && unit.streams && { onPiece })
  })
  const job = token === undefined ? undefined : jobIn(unit, answer)
  return job === undefined ? answer : followedJob(calls, job, answer as object, { signal, gone, onProgress })
}

/** What a person may read of a piece while the rest comes. */
function wordsOf(piece: unknown): { message?: string } {
  if (!isRecord(piece)) return {}
  const words = piece.text ?? piece.stage ?? piece.reasoning
  return typeof words === 'string' ? { message: words.slice(0, PIECE_CHARS_MAX) } : {}
}
