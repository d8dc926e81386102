/** Looking after a space: copies of it, its size, and its end. */

import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { bytes, number } from '../format.ts'
import { call } from '../node.ts'
import { Button, Card } from '../parts/basics.tsx'
import { Confirm } from '../parts/dialog.tsx'
import { attempt, note } from '../parts/notes.tsx'
import { goTo } from '../router.ts'
import { useWords } from '../words/index.ts'
import type { SpaceStatus } from './space.tsx'
import { changed } from './watched.ts'
import { download } from './writing.ts'

export function Care({ space, reload }: { readonly space: SpaceStatus; reload(): void }) {
  const w = useWords()
  const [asked, ask] = useState<'forget' | 'hold'>()
  const { name, right, part } = space
  const close = () => ask(undefined)
  const hold = (part: SpaceStatus['part']) => call('memory.hold', { space: name, part }).then(reload)
  return (
    <Card title={w.memory.care}>
      <ul class="plain-list rows care">
        {right !== 'carry' && <Exports space={name} />}
        <Line note={part === 'all' ? w.memory.holdsAll : w.memory.holdsNewestNote}>
          {part === 'all' ? (
            <Button unit="memory.hold" onPress={() => ask('hold')}>
              {w.memory.holdNewest}
            </Button>
          ) : (
            <Button unit="memory.hold" onPress={() => attempt(() => hold('all'))}>
              {w.memory.holdAll}
            </Button>
          )}
        </Line>
        {right === 'own' && (
          <Line note={w.memory.compactNote}>
            <Button unit="memory.compact" onPress={() => compact(name, w.memory.compacted).then(reload)}>
              {w.memory.compact}
            </Button>
          </Line>
        )}
        <Line note={w.memory.verifyNote}>
          <Button unit="memory.verify" onPress={() => verify(name, w.memory.verified)}>
            {w.memory.verify}
          </Button>
        </Line>
        <Line note={right === 'own' ? w.memory.forgetOwn : w.memory.forgetHere}>
          <Button unit="memory.forget" look="danger" onPress={() => ask('forget')}>
            {w.memory.forget}
          </Button>
        </Line>
      </ul>
      {asked === 'hold' && (
        <Confirm
          title={w.memory.holdNewest}
          action={w.memory.holdNewest}
          look="main"
          onClose={close}
          onConfirm={() => hold('newest')}
        >
          <p>{w.memory.holdAsk}</p>
        </Confirm>
      )}
      {asked === 'forget' && (
        <Confirm
          title={w.memory.forgetSpace(name)}
          action={w.memory.forget}
          onClose={close}
          onConfirm={async () => {
            await call('memory.forget', { space: name })
            goTo('memory')
          }}
        >
          <p>{right === 'own' && space.grants.length > 0 ? w.memory.forgetAll : w.memory.forgetOnly}</p>
        </Confirm>
      )}
    </Card>
  )
}

const Line = ({ note, children }: { note: string; children: ComponentChildren }) => (
  <li>
    <span class="note">{note}</span>
    <span class="row">{children}</span>
  </li>
)

function Exports({ space }: { readonly space: string }) {
  const w = useWords()
  const save = (format: 'exact' | 'markdown') =>
    attempt(async () => {
      const { text, left_out } = await call('memory.export', { space, format })
      const [end, type] = format === 'exact' ? ['json', 'application/json'] : ['md', 'text/markdown']
      download(`${space}.${end}`, text, type)
      if (left_out.length > 0) note(w.memory.leftOut(left_out.join(', ')))
    })
  return (
    <Line note={w.memory.exportNote}>
      <Button onPress={() => save('exact')}>{w.memory.exportExact}</Button>
      <Button onPress={() => save('markdown')}>{w.memory.exportText}</Button>
    </Line>
  )
}

const compact = (space: string, done: (before: string, after: string) => string) =>
  attempt(async () => {
    const { bytes_before, bytes_after } = await call('memory.compact', { space })
    note(done(bytes(bytes_before), bytes(bytes_after)))
  })

const verify = (space: string, done: (changes: string, problems: readonly string[]) => string) =>
  attempt(async () => {
    const { envelopes, problems } = await call('memory.verify', { space })
    note(done(number(envelopes), problems), problems.length > 0)
    changed()
  })
