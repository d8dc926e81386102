/** What the gateway may be called, the origins of pages that may ask it, and its names of models. */

import { isIP } from 'node:net'
import * as z from 'zod'
import { ModelId } from '../../interface/names.ts'

/** Lower case, as browsers write names; no dot at the end. */
const HOST_NAME =
  /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/
const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::'])
/** Names or origins. */
export const NAMES_MAX = 16

/** As browsers write it in a Host header, but without the port. */
export const HostName = z
  .string()
  .refine(name => HOST_NAME.test(name) || isIP(name) !== 0, { error: 'expected a name or an IP address' })
  .refine(name => !WILDCARDS.has(name), { error: 'expected what others call this device, not a wildcard' })

/** As browsers write it. */
export const Origin = z
  .string()
  .max(256)
  .regex(
    /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@*]+$/,
    'expected an origin such as https://chat.example, without a path'
  )

/** More names than programs use for models of others. */
const ALIASES_MAX = 64
/** A name as a program sends it; `*` at its end alone. */
const Alias = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[^*\s]*\*?$/, 'expected a name, or the beginning of names with * behind it')

export const Aliases = z
  .record(Alias, ModelId)
  .refine(aliases => Object.keys(aliases).length <= ALIASES_MAX, { error: `more than ${ALIASES_MAX} names` })
