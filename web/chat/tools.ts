/**
 * Tools that a person lets a model ask for: questions to this node, and tools of its MCP servers. None is offered before it is
 * chosen, and none runs before the person has seen the call.
 */

import { describedUnits } from '../described.ts'
import { call, type Output, type UnitName } from '../node.ts'
import { Store } from '../state.ts'

const KEPT = 'lumos.chat.tools'
/** Units that only read. More would make models choose worse. */
const UNITS = [
  ...(['mesh.status', 'mesh.members', 'mesh.peers', 'device.info', 'device.metrics'] as const),
  ...(['model.list', 'job.list', 'doctor.check', 'memory.list', 'memory.docs', 'memory.open'] as const),
  ...(['memory.search', 'event.list'] as const)
] satisfies readonly UnitName[]
/** A model reads no more of one result, and a conversation holds many. */
const RESULT_CHARS_MAX = 32_768
const NAME_CHARS_MAX = 64

export interface Tool {
  readonly name: string
  readonly description: string
  /** JSON Schema of its arguments. */
  readonly parameters: object
  /** The MCP server; undefined: this node. */
  readonly server?: string
  /** What it asks of this node. */
  readonly unit?: UnitName
  run(input: object, signal: AbortSignal): Promise<string>
}

export const chosen = new Store<{ readonly names: readonly string[] }>({ names: read() })

function read(): readonly string[] {
  try {
    const names: unknown = JSON.parse(sessionStorage.getItem(KEPT) ?? '[]')
    return Array.isArray(names) ? names.filter(name => typeof name === 'string') : []
  } catch {
    return []
  }
}

export function choose(name: string, isOffered: boolean): void {
  const others = chosen.value.names.filter(other => other !== name)
  chosen.set({ names: isOffered ? [...others, name] : others })
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(chosen.value.names))
  } catch {
    // The tab has no room left; it holds until the page is closed.
  }
}

export interface Tools {
  readonly tools: readonly Tool[]
  /** Servers that give none just now, and why. */
  readonly failed: readonly { readonly server: string; readonly error: unknown }[]
}

/** Those that are chosen and there. Servers of others are not asked. */
export async function chosenTools(): Promise<readonly Tool[]> {
  const { names } = chosen.value
  if (names.length === 0) return []
  const { tools } = await allTools(server => names.some(name => name.startsWith(nameOf(server, ''))))
  return tools.filter(({ name }) => names.includes(name))
}

/** All there are, of this node and of these servers. */
export async function allTools(isAsked: (server: string) => boolean = () => true): Promise<Tools> {
  const [units, { items }] = await Promise.all([describedUnits(), call('mcp.servers', {})])
  const ofNode = UNITS.flatMap((unit): Tool[] => {
    const { summary = '', input } = units.get(unit) ?? {}
    const run = async (given: object, signal: AbortSignal) =>
      JSON.stringify(await call<UnitName>(unit, given as never, { signal }))
    return input === undefined
      ? []
      : [{ name: unit.replace('.', '_'), unit, description: summary, parameters: input, run }]
  })
  const servers = items.map(({ name }) => name).filter(isAsked)
  const ofServers = await Promise.allSettled(servers.map(toolsOf))
  const found = ofServers.flatMap(outcome => (outcome.status === 'fulfilled' ? outcome.value : []))
  return {
    tools: [...new Map([...found, ...ofNode].map(tool => [tool.name, tool])).values()],
    failed: ofServers.flatMap((outcome, at) =>
      outcome.status === 'rejected' ? [{ server: servers[at]!, error: outcome.reason as unknown }] : []
    )
  }
}

const nameOf = (server: string, tool: string): string =>
  `${server}__${tool}`.replaceAll(/[^\w.:-]/g, '_').slice(0, NAME_CHARS_MAX)

async function toolsOf(server: string): Promise<readonly Tool[]> {
  const { items } = await call('mcp.tools', { server })
  return items.map(({ name: tool, description, input: parameters }) => ({
    ...{ name: nameOf(server, tool), server },
    ...{ description, parameters },
    run: async (given, signal) =>
      textOf(await call('mcp.call', { server, tool, input: given as Record<string, unknown> }, { signal }))
  }))
}

function textOf({ content, structured, is_error }: Output<'mcp.call'>): string {
  const text = content
    .map(part => ('text' in part && part.text !== null ? part.text : `[${part.type}]`))
    .join('\n')
  const said = text === '' && structured !== null ? JSON.stringify(structured) : text
  if (is_error) throw new Error(said)
  return said
}

/** Cut where it is too long, never within a character. */
export const shortened = (text: string): string =>
  (text.length > RESULT_CHARS_MAX ? `${text.slice(0, RESULT_CHARS_MAX)} …` : text).toWellFormed()
