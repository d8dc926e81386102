/** Short notes at the edge of the screen: what was done, and what failed. */

import { Store, useStore } from '../state.ts'
import { useWords, words } from '../words/index.ts'
import { Text } from './text.tsx'

/** Long enough to be read; failures stay until they are closed. */
const SHOWN_MS = 5_000
const NOTES_MAX = 4

interface Note {
  readonly id: number
  readonly text: string
  readonly failed: boolean
}

const notes = new Store<{ list: readonly Note[] }>({ list: [] })
let last = 0

export function note(text: string, failed = false): void {
  const id = ++last
  notes.set({ list: [...notes.value.list, { id, text, failed }].slice(-NOTES_MAX) })
  if (!failed) setTimeout(() => close(id), SHOWN_MS)
}

/** Does it; what fails is said. Returns whether it was done. */
export async function attempt(work: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await work()
    if (done !== undefined) note(done)
    return true
  } catch (err) {
    const { code = '', message, hint } = err as { code?: string; message: string; hint?: string | null }
    note([words().sentences.codes[code], message, hint].filter(Boolean).join(' '), true)
    return false
  }
}

const close = (id: number): void => notes.set({ list: notes.value.list.filter(note => note.id !== id) })

export function Notes() {
  const w = useWords()
  const { list } = useStore(notes)
  return (
    <div class="notes" aria-live="polite">
      {list.map(({ id, text, failed }) => (
        <div key={id} class={`notice ${failed ? 'bad' : 'good'}`} role={failed ? 'alert' : 'status'}>
          <Text of={text} />
          <button type="button" class="close" aria-label={w.common.close} onClick={() => close(id)}>
            ×
          </button>
        </div>
      ))}
    </div>
  )
}
