/** A question without words loads its model, or with a `keep_alive` of 0 unloads it. */

import type { Context } from 'hono'
import type { AppEnv } from '../app-env.ts'
import { type AskComponents, answerWhole, unitContext } from '../asking/call.ts'
import { defined } from '../asking/schema.ts'
import type { Named } from './names.ts'
import { isUnloading } from './options.ts'

const UNIT = 'inference.complete'

interface Wanted {
  readonly named: Named
  readonly name: string
  readonly keep_alive: string | number | undefined
  /** What stands in place of an answer. */
  readonly body: object
}

/** A device loads a model when it is asked, so it is asked for one token. One that is loaded nowhere is not loaded to be unloaded. */
export async function loadOrUnload(
  { units, clock }: AskComponents,
  c: Context<AppEnv>,
  { named: { id, listed }, name, keep_alive, body }: Wanted
): Promise<Response> {
  const unloads = isUnloading({ keep_alive })
  if (!unloads || listed === undefined || listed.ready) {
    const { answer: _, ...context } = unitContext(c, UNIT)
    await units.execute(UNIT, defined({ model: id, prompt: '.', max_tokens: 1, keep_alive }), context)
  }
  const created_at = new Date(clock.wallMs()).toISOString()
  return answerWhole(c, {
    ...{ model: name, created_at, ...body },
    ...{ done: true, done_reason: unloads ? 'unload' : 'load' }
  })
}
