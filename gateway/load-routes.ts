/** The gateway's routes for the callers of each listener, loaded for the first request. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Caller, PERMISSIONS } from '../interface/units.ts'
import type { UnitRegistry } from '../units/index.ts'
import type { AppComponents } from './app-env.ts'

/**
 * What the callers of each listener may do. Secrets are handed out and replaced on the socket only: a program or a
 * page that holds the token is not their owner.
 */
const CALLERS = {
  local: { origin: 'local', permissions: PERMISSIONS },
  tcp: { origin: 'tcp', permissions: ['read', 'use', 'manage'] },
  /** Ports of other programs, where no token is shown. */
  ollama: { origin: 'tcp', permissions: ['read', 'use'] },
  lmstudio: { origin: 'tcp', permissions: ['read', 'use'] }
} as const satisfies Record<string, Caller>
export type Listener = keyof typeof CALLERS

/** What routes are made of, for a node that was asked for the first time. */
export interface RouteComponents extends Omit<AppComponents, 'units'> {
  units(): Promise<UnitRegistry>
}

export type Routes = (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>

/**
 * Late, because `Request`, `Response` and what they stand on are 15 MB and the units 2 MB, and many a node serves its peers for weeks
 * without being asked from here.
 */
export async function loadRoutes({
  units,
  ...components
}: RouteComponents): Promise<Record<Listener, Routes>> {
  const [{ getRequestListener }, { createApp }, registry] = await Promise.all([
    import('@hono/node-server'),
    import('./app.ts'),
    units()
  ])
  const app = createApp({ ...components, units: registry })
  const routesOf = (listener: Listener): Routes =>
    getRequestListener(
      (request, env) => app.fetch(request, { ...env, caller: CALLERS[listener], listener }),
      {
        overrideGlobalObjects: false,
        // The rest of a body is dropped by `unread-body.ts`, which waits long enough for the answer to arrive.
        autoCleanupIncoming: false
      }
    )
  return {
    ...{ local: routesOf('local'), tcp: routesOf('tcp') },
    ...{ ollama: routesOf('ollama'), lmstudio: routesOf('lmstudio') }
  }
}
