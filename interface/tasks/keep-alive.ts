/** A parameter of all tasks: for how long the model stays loaded after the answer. */

import { KeepAlive, keepAliveMs } from '../amounts.ts'

/** In the forms of Ollama; absent or null: as the node that answers is set. */
export const keepAlive = KeepAlive.nullish()

/** @returns milliseconds; undefined where the request does not say. */
export function keepAliveOf({
  params
}: {
  readonly params: Readonly<Record<string, unknown>>
}): number | undefined {
  const asked = params.keepAlive
  return asked === undefined || asked === null ? undefined : keepAliveMs(asked)
}
