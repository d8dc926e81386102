/** Notes: one text, which several devices may edit at once. */

import { useEffect, useRef, useState } from 'preact/hooks'
import { Badge, Button, Card } from '../parts/basics.tsx'
import { Passage } from '../parts/text.tsx'
import { useWords } from '../words/index.ts'
import type { DocumentProps } from './document.tsx'
import { rebased } from './rebase.ts'
import { write } from './writing.ts'

export function Notes({ space, doc, writes, text }: DocumentProps & { text: string }) {
  const w = useWords()
  const base = useRef(text)
  const [draft, setDraft] = useState(text)
  const [conflict, setConflict] = useState(false)
  useEffect(() => {
    if (text === base.current) return
    const next = rebased(base.current, draft, text)
    // The place of both edits stays as the reader has it, until the reader chooses.
    setConflict(next === undefined)
    if (next === undefined) return
    base.current = text
    setDraft(next)
  }, [text])

  const unsaved = draft !== base.current
  const take = (next: string) => {
    base.current = text
    setConflict(false)
    setDraft(next)
  }
  const save = async () => {
    const saved = draft
    if (!(await write('memory.edit', { space, doc, text: saved }, w.memory.saved))) return
    base.current = saved
    setConflict(false)
    setDraft(now => now)
  }
  if (!writes)
    return (
      <Card title={w.memory.kinds.notes}>
        <Passage of={text} />
      </Card>
    )
  return (
    <Card
      title={w.memory.kinds.notes}
      actions={
        <>
          {unsaved && <Badge tone="warn">{w.memory.unsaved}</Badge>}
          <Button onPress={() => take(text)} disabled={!unsaved}>
            {w.memory.discard}
          </Button>
          <Button look="main" onPress={save} disabled={!unsaved || conflict}>
            {w.memory.save}
          </Button>
        </>
      }
    >
      {conflict && (
        <div class="failure" role="alert">
          <p>{w.memory.conflict}</p>
          <Passage of={text} class="theirs" />
          <div class="row">
            <Button onPress={() => take(text)}>{w.memory.takeTheirs}</Button>
            <Button onPress={() => take(draft)}>{w.memory.keepMine}</Button>
          </div>
        </div>
      )}
      <textarea
        class="notes-text"
        aria-label={w.memory.kinds.notes}
        rows={18}
        dir="auto"
        value={draft}
        placeholder={w.memory.notesHint}
        onInput={event => setDraft(event.currentTarget.value)}
        onKeyDown={event => {
          if (event.key !== 's' || !(event.ctrlKey || event.metaKey)) return
          event.preventDefault()
          if (unsaved && !conflict) void save()
        }}
      />
      <p class="note">{w.memory.notesNote}</p>
    </Card>
  )
}
