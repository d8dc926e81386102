/** Metrics for programs that scrape: plain text, in place of the envelope of a unit. */

import { Hono } from 'hono'
import { METRICS_UNIT } from '../units/index.ts'
import type { AppComponents, AppEnv } from './app-env.ts'
import { contextOf } from './units.ts'

const TEXT_FORMAT = 'text/plain; version=0.0.4; charset=utf-8'

export function metricRoutes({ units }: AppComponents): Hono<AppEnv> {
  const routes = new Hono<AppEnv>()
  for (const path of ['/metrics', '/api/v2/metrics']) {
    routes.get(path, async c => {
      c.get('call').unit = METRICS_UNIT
      const { text } = (await units.execute(METRICS_UNIT, {}, contextOf({}, c))) as { text: string }
      return c.body(text, 200, { 'content-type': TEXT_FORMAT, 'cache-control': 'no-store' })
    })
  }
  return routes
}
