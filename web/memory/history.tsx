/** Who wrote what when, the newest first. */

import { useState } from 'preact/hooks'
import { ago, dateTime } from '../format.ts'
import type { Output } from '../node.ts'
import { Button, Card, Failure } from '../parts/basics.tsx'
import { Text } from '../parts/text.tsx'
import { linkTo } from '../router.ts'
import { useWords } from '../words/index.ts'
import { useKept } from './watched.ts'

type DocKind = Output<'memory.open'>['kind']

const FIRST = 15
const MORE = 100
/** The most that the unit gives. */
const MOST = 1000
/** Of the keys of one change. */
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
      {doc === undefined || items?.length ? null : <p class="dim">{w.memory.noHistory}</p>}
      <Failure error={error} />
      <ol class="plain-list history">
        {items?.slice(0, limit).map(item => (
          <li key={`${item.writer} ${item.seq}`}>
            <span>
              <strong>
                <Text of={item.writer_name ?? `…${item.writer.slice(-8)}`} />
              </strong>
              {doc === undefined && (
                <>
                  {' · '}
                  <a href={linkTo('memory', space, item.doc)}>
                    <Text of={item.doc} />
                  </a>
                </>
              )}
              <Keys of={keysOf(item.keys, kindOf(item.doc))} />
            </span>
            <time class="dim" title={dateTime(item.at)}>
              {ago(item.at)}
            </time>
          </li>
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
