/** What is read by those who write programs: the answer as the node gave it, and a command. */

import type { ComponentChildren } from 'preact'
import { Button } from '../parts/basics.tsx'
import { attempt } from '../parts/notes.tsx'
import { copy, plain } from '../parts/text.tsx'
import { useWords } from '../words/index.ts'

/** Longer values, such as pictures, are not for reading. */
const SHOWN_CHARS = 160
const SHOWN_ITEMS = 24

/** The same value with long texts and long lists cut. */
export function shortened(value: unknown, characters: (count: number) => string): unknown {
  if (typeof value === 'string')
    return value.length > SHOWN_CHARS ? `${value.slice(0, 40)}… (${characters(value.length)})` : value
  if (Array.isArray(value)) {
    const items = value.slice(0, SHOWN_ITEMS).map(item => shortened(item, characters))
    return value.length > SHOWN_ITEMS ? [...items, `… (${value.length})`] : items
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shortened(item, characters)]))
}

/** Folded away until it is wanted. */
export function Code({ title, text, note }: { title: string; text: string; note?: ComponentChildren }) {
  const w = useWords().playground
  return (
    <details class="fold">
      <summary>{title}</summary>
      <div class="fold-body">
        {note && <p class="note">{note}</p>}
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keys */}
        <pre tabIndex={0}>{plain(text)}</pre>
        {/* Absent where the page came without encryption from another device. */}
        {navigator.clipboard && <Button onPress={() => attempt(() => copy(text), w.copied)}>{w.copy}</Button>}
      </div>
    </details>
  )
}
