/** What is the node's own: its units, its health, its metrics, its page. */

import { type Context, Hono, type Next } from 'hono'
import { answerRoutes } from './answer-routes.ts'
import type { AppEnv } from './app-env.ts'
import type { AskComponents } from './asking/call.ts'
import { eventRoutes } from './event-routes.ts'
import { listingRoutes } from './listing.ts'
import { metricRoutes } from './metric-routes.ts'
import { pageRoutes } from './page.ts'
import { resourceRoutes } from './resource-routes.ts'
import { sessionRoutes } from './session-routes.ts'
import { unitRoutes } from './units.ts'

export function ownRoutes(components: AskComponents): Hono<AppEnv> {
  const { closing } = components
  const routes = new Hono<AppEnv>()
  const alive = (c: Context) => c.json({ status: 'ok' })
  const ready = (c: Context) =>
    closing.aborted ? c.json({ status: 'stopping' }, 503, { 'retry-after': '1' }) : c.json({ status: 'ok' })
  routes.get('/health/live', alive)
  routes.get('/health/ready', ready)
  routes.get('/api/v2/health', ready)
  routes.route('/', listingRoutes(components))
  routes.route('/', metricRoutes(components))
  routes.route('/api/v2', sessionRoutes(components))
  routes.route('/api/v2', eventRoutes(components))
  routes.route('/api/v2', answerRoutes(components))
  routes.route('/api/v2', resourceRoutes(components))
  routes.route('/api/v2', unitRoutes(components))
  // Elsewhere the root is for people.
  routes.get('/', ollamaIsAlive)
  routes.route('/', pageRoutes())
  return routes
}

/** What clients of Ollama ask for to see whether it runs, on the port that was its own. */
const ollamaIsAlive = async (c: Context<AppEnv>, next: Next) =>
  c.env.listener === 'ollama' ? c.text('Ollama is running') : await next()
