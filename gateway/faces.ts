/**
 * The protocols that the gateway speaks. Each has routes of its own, which are loaded with the first request for them: all
 * together take 15 MB and as long to load as a node takes to answer `status`.
 */

import type { Hono } from 'hono'
import { isAnthropic, isKserve, isLmStudio, isOllamaPath, isOpenai } from './access.ts'
import type { AppEnv } from './app-env.ts'
import type { AskComponents } from './asking/call.ts'

type Routes = readonly [base: string, routes: Hono<AppEnv>]

export const FACES = {
  async own(components: AskComponents): Promise<Routes> {
    return ['/', (await import('./own-routes.ts')).ownRoutes(components)]
  },
  async anthropic(components: AskComponents): Promise<Routes> {
    return ['/v1', (await import('./anthropic/index.ts')).anthropicRoutes(components)]
  },
  async openai(components: AskComponents): Promise<Routes> {
    return ['/v1', (await import('./openai/index.ts')).openaiRoutes(components)]
  },
  async mcp(components: AskComponents): Promise<Routes> {
    return ['/mcp', (await import('./mcp/route.ts')).mcpRoutes(components)]
  },
  async lmstudio(components: AskComponents): Promise<Routes> {
    return ['/api/v0', (await import('./lmstudio/index.ts')).lmStudioRoutes(components)]
  },
  async kserve(components: AskComponents): Promise<Routes> {
    return ['/v2', (await import('./kserve/index.ts')).kserveRoutes(components)]
  },
  async ollama(components: AskComponents): Promise<Routes> {
    return ['/api', (await import('./ollama/index.ts')).ollamaRoutes(components)]
  }
}

export type Face = keyof typeof FACES

/** Which face a request is for. What is of none is for the node's own, which says that it is not there. */
export function faceOf({ incoming }: Pick<AppEnv['Bindings'], 'incoming'>): Face {
  const { url = '' } = incoming
  if (url.startsWith('/api/v2/')) return 'own'
  if (isAnthropic(incoming)) return 'anthropic'
  if (isOpenai(incoming)) return 'openai'
  if (/^\/mcp(?:[/?]|$)/.test(url)) return 'mcp'
  if (isLmStudio(incoming)) return 'lmstudio'
  if (isKserve(incoming)) return 'kserve'
  return isOllamaPath(url) ? 'ollama' : 'own'
}
