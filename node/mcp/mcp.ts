import { LumosError } from '../../interface/errors.ts'
import type { LumosMcp, McpCall, McpOptions, McpResult, McpServerInfo, McpTool } from '../../interface/mcp.ts'
import type { Feature, FeatureComponents, MeshContext, Participation } from '../feature.ts'
import { McpConnection } from './connection.ts'
import { type McpServer, McpSettings } from './settings.ts'

interface Known {
  readonly settings: McpServer
  readonly connection: McpConnection
}

export class McpFeature implements Feature<LumosMcp>, LumosMcp {
  readonly name = 'mcp'
  readonly facet = this
  readonly #servers: ReadonlyMap<string, Known>
  #mesh: MeshContext | undefined

  constructor({ settings, clock, directory }: Pick<FeatureComponents, 'settings' | 'clock' | 'directory'>) {
    const { servers } = McpSettings.parse(settings)
    this.#servers = new Map(
      Object.entries(servers).map(([name, server]) => [
        name,
        { settings: server, connection: new McpConnection(name, server, clock, directory) }
      ])
    )
  }

  join(mesh: MeshContext): Participation {
    this.#mesh = mesh
    return {}
  }

  servers(asker?: string): readonly McpServerInfo[] {
    return [...this.#servers.values()]
      .filter(({ settings }) => this.#isFor(settings, asker))
      .map(({ connection: { info } }) => (asker === undefined ? info : { ...info, offeredTo: null }))
  }

  async tools(server: string, options: McpOptions): Promise<readonly McpTool[]> {
    return this.#find(server, options).tools(options)
  }

  async call(call: McpCall, options: McpOptions): Promise<McpResult> {
    return this.#find(call.server, options).call(call, options)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#servers.values()].map(({ connection }) => connection.close()))
  }

  /** A server that is not for the asker is not there for it. */
  #find(name: string, { asker }: McpOptions): McpConnection {
    const known = this.#servers.get(name)
    if (known !== undefined && this.#isFor(known.settings, asker)) return known.connection
    const hint =
      asker === undefined ? 'List it in mcp.servers of the settings.' : 'See mcp.servers of that device.'
    throw new LumosError('TOOL_NOT_FOUND', `There is no MCP server "${name}" here.`, { hint })
  }

  /** Asked with each call: a member that was removed, or has another role now, has lost it. */
  #isFor({ offer }: McpServer, asker: string | undefined): boolean {
    if (asker === undefined) return true
    if (offer === undefined || this.#mesh === undefined) return false
    try {
      this.#mesh.permit(asker, { kind: 'ask', access: offer })
      return true
    } catch {
      return false
    }
  }
}
