/** The gateway's routes, loaded for the first request. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { UnitRegistry } from '../units/index.ts'
import type { AppComponents, AppEnv } from './app-env.ts'

/** What routes are made of, for a node that was asked for the first time. */
export interface RouteComponents extends Omit<AppComponents, 'units'> {
  units(): Promise<UnitRegistry>
}

export type Asked = Pick<AppEnv['Bindings'], 'caller' | 'listener'>
export type Routes = (incoming: IncomingMessage, outgoing: ServerResponse, by: Asked) => Promise<void>

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
  const asked = new WeakMap<object, Asked>()
  const listener = getRequestListener(
    (request, env) => app.fetch(request, { ...env, ...asked.get(env.incoming) }),
    {
      overrideGlobalObjects: false,
      // The rest of a body is dropped by `unread-body.ts`, which waits long enough for the answer to arrive.
      autoCleanupIncoming: false
    }
  )
  return (incoming, outgoing, by) => {
    asked.set(incoming, by)
    return listener(incoming, outgoing)
  }
}
