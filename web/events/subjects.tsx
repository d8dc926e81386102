/** What an event is about, in words that a person knows: devices by name, amounts with their units, and links. */

import type { ComponentChildren } from 'preact'
import { useMemo } from 'preact/hooks'
import { bytes, duration, number } from '../format.ts'
import { useNames } from '../names.ts'
import { Text } from '../parts/text.tsx'
import { linkTo } from '../router.ts'
import { useWords, type Words } from '../words/index.ts'

export interface Subjects {
  readonly words: Words
  nameOf(peerId: string): string
}

export function useSubjects(): Subjects {
  const words = useWords()
  const nameOf = useNames()
  return useMemo(() => ({ words, nameOf }), [words, nameOf])
}

type Field = readonly [key: string, value: unknown]

/** Fields that say what others of the same event say better. */
const LEFT_OUT: ReadonlySet<string> = new Set(['epoch', 'sequence', 'kind'])
/** Of a text in a line; the whole is in the data. */
const CHARS_SHOWN = 160

/** Fields in the order in which they are of use: what it is about, then how it went. */
export function fieldsOf(data: Readonly<Record<string, unknown>>): readonly Field[] {
  const { name, ...rest } = data
  // The name of a device stands where its id would.
  const own = typeof data.peer_id === 'string' ? rest : data
  return Object.entries(own).filter(
    ([key, value]) => value !== null && value !== undefined && !LEFT_OUT.has(key)
  )
}

const LINKS: Readonly<Record<string, (id: string) => string>> = {
  peer_id: id => linkTo('mesh', id),
  model_id: id => linkTo('models', id),
  model: id => linkTo('models', id),
  request_id: id => linkTo('requests', id),
  job_id: id => linkTo('events', 'jobs', id)
}
const ID_SHOWN = 10

export function fieldOf(
  [key, value]: Field,
  data: Readonly<Record<string, unknown>>,
  { words: w, nameOf }: Subjects
) {
  const label = w.events.fields[key as keyof typeof w.events.fields] ?? key.replaceAll('_', ' ')
  return (
    <span class="event-field" key={key}>
      <span class="dim">{label}</span>{' '}
      {key === 'role' && isRole(value, w) ? w.mesh.roles[value] : shown(key, value, data, nameOf)}
    </span>
  )
}

const isRole = (value: unknown, w: Words): value is keyof Words['mesh']['roles'] =>
  typeof value === 'string' && Object.hasOwn(w.mesh.roles, value)

function shown(
  key: string,
  value: unknown,
  data: Readonly<Record<string, unknown>>,
  nameOf: (peerId: string) => string
): ComponentChildren {
  const link = typeof value === 'string' ? LINKS[key] : undefined
  if (link !== undefined) {
    const id = value as string
    const text =
      key === 'peer_id'
        ? typeof data.name === 'string'
          ? data.name
          : nameOf(id)
        : key === 'request_id'
          ? id.slice(0, ID_SHOWN)
          : id
    return (
      <a href={link(id)}>
        <Text of={text} />
      </a>
    )
  }
  if (typeof value === 'number') return amount(key, value)
  if (typeof value === 'string') return <Text of={value.slice(0, CHARS_SHOWN)} />
  return (
    <code>
      <Text of={JSON.stringify(value).slice(0, CHARS_SHOWN)} />
    </code>
  )
}

function amount(key: string, value: number): string {
  if (key.endsWith('_ms')) return duration(value)
  if (key.includes('bytes') || key === 'memory') return bytes(value)
  return number(value, 2)
}
