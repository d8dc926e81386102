/** A journal or a thread: what was said, in its order. An entry is never changed. */

import { useState } from 'preact/hooks'
import { dateTime } from '../format.ts'
import { useNames } from '../names.ts'
import { Button, Card, Empty, Field } from '../parts/basics.tsx'
import { Confirm } from '../parts/dialog.tsx'
import { Text } from '../parts/text.tsx'
import { useWords } from '../words/index.ts'
import type { DocumentProps } from './document.tsx'
import { Value } from './value.tsx'
import { write } from './writing.ts'

interface Entry {
  readonly id: string
  readonly value: unknown
  readonly writer: string
  readonly at: number
}

/** The newest of a long journal; earlier ones when the reader asks for them. */
const SHOWN = 100

export function Entries({
  space,
  doc,
  writes,
  kind,
  entries
}: DocumentProps & { kind: 'journal' | 'thread'; entries: readonly Entry[] }) {
  const w = useWords()
  const nameOf = useNames()
  const [shown, setShown] = useState(SHOWN)
  const [removed, remove] = useState<string>()
  return (
    <Card title={w.memory.kinds[kind]}>
      {entries.length === 0 && <Empty title={w.memory.noEntries} />}
      {entries.length > shown && (
        <div>
          <Button onPress={() => setShown(shown + SHOWN)}>{w.common.more(entries.length - shown)}</Button>
        </div>
      )}
      <ol class={`plain-list entries ${kind}`}>
        {entries.slice(-shown).map(({ id, value, writer, at }) => (
          <li key={id}>
            <div class="entry-head">
              <span class="note">
                <strong>
                  <Text of={nameOf(writer)} />
                </strong>{' '}
                · {dateTime(at)}
              </span>
              {writes && (
                <button
                  type="button"
                  class="close"
                  aria-label={w.memory.removeEntry}
                  onClick={() => remove(id)}
                >
                  ×
                </button>
              )}
            </div>
            <Value of={value} />
          </li>
        ))}
      </ol>
      {writes && <Append space={space} doc={doc} kind={kind} />}
      {removed !== undefined && (
        <Confirm
          title={w.memory.removeEntry}
          action={w.memory.remove}
          onClose={() => remove(undefined)}
          onConfirm={() => write('memory.remove', { space, doc, id: removed })}
        >
          <p>{w.memory.removeNote}</p>
        </Confirm>
      )}
    </Card>
  )
}

function Append({ space, doc, kind }: { space: string; doc: string; kind: 'journal' | 'thread' }) {
  const w = useWords()
  const [text, setText] = useState('')
  const append = async () => {
    if (text.trim() === '') return
    if (await write('memory.append', { space, doc, kind, value: text })) setText('')
  }
  return (
    <form
      onSubmit={event => {
        event.preventDefault()
        void append()
      }}
    >
      <Field label={w.memory.newEntry} note={w.memory.appendNote}>
        {id => (
          <textarea
            id={id}
            rows={3}
            value={text}
            onInput={event => setText(event.currentTarget.value)}
            onKeyDown={event => {
              if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void append()
            }}
          />
        )}
      </Field>
      <button type="submit" class="button main">
        {w.memory.append}
      </button>
    </form>
  )
}
