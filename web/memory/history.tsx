/** What was written, by which device and when, the newest first. */

import { useState } from 'preact/hooks'
import { ago, dateTime } from '../format.ts'
import type { Output } from '../node.ts'
import { Button, Card, Failure } from '../parts/basics.tsx'
import { Text } from '../parts/text.tsx'
import { linkTo } from '../router.ts'
import { useWords } from '../words/index.ts'
import { useKept } from './watched.ts'

type Item = Output<'memory.history'>['items'][number]
type DocKind = Output<'memory.open'>['kind']

const FIRST = 50
const MORE = 100
/** The most that the unit gives. */
const MOST = 1000
/** Changes of one device in one document, nearer to each other than this, are one line. */
const WHILE_MS = 10 * 60_000
/** Of the keys of one line. */
const KEYS_SHOWN = 4

interface HistoryProps {
  readonly space: string
  readonly doc?: string
  kindOf(doc: string): DocKind | undefined
}

/** Of facts the keys say what was written; ids of entries and pieces of files say nothing to a reader. */
const keysOf = (keys: readonly string[], kind: DocKind | undefined): readonly string[] =>
  kind === 'facts' ? keys.filter(key => !keys.some(file => key.startsWith(`${file}#`))) : []

export function History({ space, doc, kindOf }: HistoryProps) {
  const w = useWords()
  const [limit, setLimit] = useState(FIRST)
  // One more than is shown tells whether there are more.
  const wanted = { space, limit: Math.min(MOST, limit + 1), ...(doc !== undefined && { doc }) }
  const { data, error } = useKept('memory.history', wanted, doc === undefined ? {} : { doc })
  const [kept, keep] = useState(data)
  if (data !== undefined && data !== kept) keep(data)
  const items = (data ?? kept)?.items
  return (
    <Card title={w.memory.history}>
      {items?.length === 0 && (
        <p class="dim">{doc === undefined ? w.memory.noChanges : w.memory.noHistory}</p>
      )}
      <Failure error={error} />
      <ol class="plain-list history">
        {grouped(items?.slice(0, limit) ?? []).map(group => (
          <Written
            key={`${group.writer} ${group.seq}`}
            group={group}
            space={space}
            within={doc}
            kindOf={kindOf}
          />
        ))}
      </ol>
      {items && items.length > limit && (
        <div>
          <Button onPress={() => setLimit(limit + MORE)}>{w.memory.earlier}</Button>
        </div>
      )}
    </Card>
  )
}

interface Group extends Item {
  readonly changes: number
}

/** What one device wrote into one document within a while is one line. */
function grouped(items: readonly Item[]): readonly Group[] {
  const groups: Group[] = []
  for (const item of items) {
    const last = groups.at(-1)
    const same = last && last.writer === item.writer && last.doc === item.doc && last.at - item.at < WHILE_MS
    if (same) {
      const keys = [...new Set([...last.keys, ...item.keys])]
      groups[groups.length - 1] = { ...last, keys, changes: last.changes + 1 }
    } else groups.push({ ...item, changes: 1 })
  }
  return groups
}

type WrittenProps = Pick<HistoryProps, 'space' | 'kindOf'> & { group: Group; within: string | undefined }

function Written({ group, space, within, kindOf }: WrittenProps) {
  const w = useWords()
  const { writer, writer_name, doc, at, keys, changes } = group
  return (
    <li>
      <span>
        <strong>
          <Text of={writer_name ?? `…${writer.slice(-8)}`} />
        </strong>
        {within === undefined && (
          <>
            {' · '}
            <a href={linkTo('memory', space, doc)}>
              <Text of={doc} />
            </a>
          </>
        )}
        <span class="dim"> · {w.memory.changesCount(changes)}</span>
        <Keys of={keysOf(keys, kindOf(doc))} />
      </span>
      <time class="dim" title={dateTime(at)}>
        {ago(at)}
      </time>
    </li>
  )
}

function Keys({ of: keys }: { readonly of: readonly string[] }) {
  const w = useWords()
  if (keys.length === 0) return null
  return (
    <span class="dim">
      {' · '}
      <Text of={keys.slice(0, KEYS_SHOWN).join(', ')} />
      {keys.length > KEYS_SHOWN && ` ${w.memory.andMore(keys.length - KEYS_SHOWN)}`}
    </span>
  )
}
