/**
 * Addresses of resources: `lumos://model/tiny-llm`. Those of other platforms, `asms://…`, mean the same. What follows a
 * question mark are further fields of the input: `lumos://models?type=text-generation`.
 */

import { InvalidInputError, LumosError } from '../../interface/errors.ts'
import { closestNames } from '../../interface/suggest.ts'
import type { Resource } from './table.ts'

/** More than the longest name of a model, each character of it escaped. */
export const ADDRESS_CHARS_MAX = 1024

/** A resource that was named, and what its unit is given. */
export interface Addressed {
  readonly resource: Resource
  /** In its one spelling. */
  readonly uri: string
  readonly input: Readonly<Record<string, string | string[]>>
}

/**
 * @throws {LumosError} `RESOURCE_NOT_FOUND` for an address that no resource has; `INVALID_INPUT` where it is no address.
 */
export function addressed(resources: readonly Resource[], address: string): Addressed {
  const [path = '', query = ''] = cut(address)
  const steps = stepsOf(path)
  const filters = filtersIn(query)
  for (const resource of resources) {
    for (const pattern of [resource.pattern, ...(resource.aliases ?? [])]) {
      const input = inputOf(pattern.split('/'), steps)
      if (input === undefined) continue
      const uri = `${uriOf(resource.pattern, input)}${filters.text}`
      // The item that is meant is in the path alone.
      return { resource, uri, input: { ...filters.fields, ...input } }
    }
  }
  const closest = closestNames(
    steps.join('/'),
    resources.map(({ pattern }) => pattern)
  )
  throw new LumosError('RESOURCE_NOT_FOUND', `No resource has the address "${address.slice(0, 128)}".`, {
    hint: `${closest.length > 0 ? `Closest: ${closest.map(name => `lumos://${name}`).join(', ')}. ` : ''}All: lumos-node exec resource.list`,
    details: { closest }
  })
}

function cut(address: string): [path: string, query?: string] {
  const at = address.indexOf('?')
  return at < 0 ? [address] : [address.slice(0, at), address.slice(at + 1)]
}

/** In one spelling, so that the same filters are one watched resource. Their unit checks them. */
function filtersIn(query: string): { text: string; fields: Record<string, string | string[]> } {
  const params = new URLSearchParams(query)
  params.sort()
  const fields: Record<string, string | string[]> = {}
  for (const name of new Set(params.keys())) {
    const [value, ...more] = params.getAll(name)
    Object.defineProperty(fields, name, {
      value: more.length > 0 ? [value, ...more] : value,
      enumerable: true
    })
  }
  return { text: params.size > 0 ? `?${params}` : '', fields }
}

/** The scheme may be left out, and loses a slash on the way through some proxies. */
const SCHEME = /^(?:lumos|asms):\/{0,2}/i

function stepsOf(address: string): string[] {
  const path = address.replace(SCHEME, '').replace(/\/$/, '')
  try {
    return path.split('/').map(decodeURIComponent)
  } catch {
    throw new InvalidInputError('The address of the resource has a % that escapes nothing.')
  }
}

/** `{field}` takes one step, and as the last one all that are left: the name of a model has slashes. */
function inputOf(pattern: readonly string[], steps: readonly string[]): Record<string, string> | undefined {
  const input: Record<string, string> = {}
  for (const [i, part] of pattern.entries()) {
    const field = fieldIn(part)
    const isLast = i === pattern.length - 1
    const given = field !== undefined && isLast ? steps.slice(i).join('/') : steps[i]
    if (!given || (field === undefined && given !== part)) return undefined
    if (field !== undefined) input[field] = given
    else if (isLast && steps.length > pattern.length) return undefined
  }
  return input
}

const fieldIn = (part: string): string | undefined => /^\{(\w+)\}$/.exec(part)?.[1]

const uriOf = (pattern: string, input: Readonly<Record<string, string>>): string =>
  `lumos://${pattern.replace(/\{(\w+)\}/g, (_, field: string) => encodeURIComponent(input[field]!))}`
