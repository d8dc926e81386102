/**
 * JSON Schemas in the parameters of a request. One that is nested deeper than a control body may be travels as its
 * text, so what a request may hold does not depend on whether a peer answers it.
 */

import { ProtocolViolationError } from '../../interface/errors.ts'
import { isDeeper } from '../../interface/json-extent.ts'
import { isRecord } from '../../interface/record.ts'
import { CONTROL_DEPTH_MAX } from '../wire/limits.ts'

/** The request, its parameters, the list of tools, and the tool stand around a schema. */
const DEPTH_MAX = CONTROL_DEPTH_MAX - 4

type Params = Readonly<Record<string, unknown>>
type Change = (schema: unknown) => unknown

const toText: Change = schema => (isDeeper(schema, DEPTH_MAX) ? JSON.stringify(schema) : schema)

const fromText: Change = schema => {
  if (typeof schema !== 'string') return schema
  try {
    return JSON.parse(schema)
  } catch {
    throw new ProtocolViolationError('A schema is text that is not JSON.')
  }
}

/** As they are written for a peer. */
export const packed = (params: Params): Params => changed(params, toText)
/** As they were before they were written. */
export const unpacked = (params: Params): Params => changed(params, fromText)

function changed(params: Params, change: Change): Params {
  const { tools, responseFormat } = params
  if (!Array.isArray(tools) && !isRecord(responseFormat)) return params
  return {
    ...params,
    ...(Array.isArray(tools) && { tools: tools.map(tool => withChanged(tool, 'parameters', change)) }),
    ...(isRecord(responseFormat) && { responseFormat: withChanged(responseFormat, 'schema', change) })
  }
}

function withChanged(holder: unknown, key: string, change: Change): unknown {
  if (!isRecord(holder) || holder[key] === undefined) return holder
  const schema = change(holder[key])
  return schema === holder[key] ? holder : { ...holder, [key]: schema }
}
