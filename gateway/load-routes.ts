/** The gateway's routes, loaded for the first request. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Caller } from '../interface/units.ts'
import type { UnitRegistry } from '../units/index.ts'
import type { AppComponents } from './app-env.ts'

/** What routes are made of, for a node that was asked for the first time. */
export interface RouteComponents extends Omit<AppComponents, 'units'> {
  units(): Promise<UnitRegistry>
}

export type Routes = (incoming: IncomingMessage, outgoing: ServerResponse, caller: Caller) => Promise<void>

/**
 * Late, because `Request`, `Response` and what they stand on are 15 MB and the units 2 MB, and many a node serves its peers for weeks
 * without being asked from here.
 */
export async function loadRoutes({ units, ...components }: RouteComponents): Promise<Routes> {
  const [{ getRequestListener }, { createApp }, registry] = await Promise.all([
    import('@hono/node-server'),
    import('./app.ts'),
    units()
  ])
  const app = createApp({ ...components, units: registry })
  const callers = new WeakMap<object, Caller>()
  const listener = getRequestListener(
    (request, env) => app.fetch(request, { ...env, caller: callers.get(env.incoming) }),
    {
      overrideGlobalObjects: false,
      // The rest of a body is dropped by `unread-body.ts`, which waits long enough for the answer to arrive.
      autoCleanupIncoming: false
    }
  )
  return (incoming, outgoing, caller) => {
    callers.set(incoming, caller)
    return listener(incoming, outgoing)
  }
}
