/** Finding what is kept, by its words and by what it means. */

import { useState } from 'preact/hooks'
import { dateTime, number } from '../format.ts'
import { useNames } from '../names.ts'
import { call, type Output } from '../node.ts'
import { Badge, Card, Failure, Select } from '../parts/basics.tsx'
import { plain, Text } from '../parts/text.tsx'
import { linkTo } from '../router.ts'
import { useWords } from '../words/index.ts'

type Answer = Output<'memory.search'>
type Found = Answer['items'][number]
type Mode = Answer['mode']

const MODES: readonly Mode[] = ['hybrid', 'text', 'vector']
const FOUND_MAX = 30
/** A piece of a file has up to 1,400 characters; this much of it says what it is about. */
const SNIPPET_CHARS = 420
/** Before the first word that was found. */
const LEAD_CHARS = 80

export function Search({ space }: { readonly space?: string }) {
  const w = useWords()
  const nameOf = useNames()
  const [query, setQuery] = useState('')
  const [mode, setMode] = useState<Mode>('hybrid')
  const [busy, setBusy] = useState(false)
  const [answer, setAnswer] = useState<{ of: string; data?: Answer; error?: unknown }>()
  const search = async () => {
    const of = query.trim()
    if (of === '') return setAnswer(undefined)
    setBusy(true)
    try {
      const within = space === undefined ? {} : { spaces: [space] }
      setAnswer({ of, data: await call('memory.search', { query: of, mode, limit: FOUND_MAX, ...within }) })
    } catch (error) {
      setAnswer({ of, error })
    } finally {
      setBusy(false)
    }
  }
  return (
    <Card>
      <search>
        <form
          class="search-line"
          onSubmit={event => {
            event.preventDefault()
            void search()
          }}
        >
          <input
            type="search"
            aria-label={space === undefined ? w.memory.searchAll : w.memory.searchIn(space)}
            placeholder={space === undefined ? w.memory.searchAll : w.memory.searchIn(space)}
            value={query}
            onInput={event => setQuery(event.currentTarget.value)}
          />
          <Select
            aria-label={w.memory.mode}
            value={mode}
            options={MODES.map(mode => [mode, w.memory.modes[mode]] as const)}
            onChange={mode => setMode(mode as Mode)}
          />
          <button type="submit" class="button main" aria-busy={busy}>
            {w.memory.search}
          </button>
        </form>
      </search>
      <Failure error={answer?.error} />
      {answer?.data && (
        <Results query={answer.of} answer={answer.data} anywhere={space === undefined} nameOf={nameOf} />
      )}
    </Card>
  )
}

type ResultsProps = { query: string; answer: Answer; anywhere: boolean; nameOf(peerId: string): string }

function Results({ query, answer, anywhere, nameOf }: ResultsProps) {
  const w = useWords()
  const { items, mode, model, pending, left } = answer
  return (
    <>
      <p class="note" role="status">
        {w.memory.found(items.length)} · {w.memory.modes[mode]}
        {model && (
          <>
            {' · '}
            <Text of={model} />
          </>
        )}
        {pending > 0 && ` · ${w.memory.pending(number(pending))}`}
        {left > 0 && ` · ${w.memory.left(number(left))}`}
      </p>
      <ol class="plain-list results">
        {items.map((item, index) => (
          <li key={index}>
            <div class="row">
              <a href={linkTo('memory', item.space, item.doc)}>
                {anywhere && (
                  <>
                    <Text of={item.space} /> ›{' '}
                  </>
                )}
                <Text of={item.doc} />
              </a>
              <Badge>{item.source ? w.memory.knowledge : w.memory.kinds[item.kind]}</Badge>
              {item.key && item.kind === 'facts' && item.source === null && (
                <code>
                  <Text of={item.key} />
                </code>
              )}
            </div>
            <Snippet text={item.text} query={query} />
            <From item={item} nameOf={nameOf} />
          </li>
        ))}
      </ol>
    </>
  )
}

/** Where it is from: the file and the place in it, or who wrote it when. */
function From({ item, nameOf }: { item: Found; nameOf(peerId: string): string }) {
  const w = useWords()
  const { source } = item
  const writer = source?.writer ?? item.writer
  const at = source?.added ?? item.at
  return (
    <p class="note">
      {source && (
        <>
          <Text of={source.name} />
          {source.page !== undefined && `, ${w.memory.page(source.page)}`}
          {source.lines && `, ${w.memory.lines(source.lines[0] ?? 0, source.lines.at(-1) ?? 0)}`}
          {source.heading && (
            <>
              {' · '}
              <Text of={source.heading} />
            </>
          )}
          {' · '}
        </>
      )}
      {writer && <Text of={nameOf(writer)} />}
      {at !== null && `, ${dateTime(at)}`}
    </p>
  )
}

/** The part of a text around what was found, with its words marked. */
function Snippet({ text, query }: { text: string; query: string }) {
  const whole = plain(text)
  const words = [...new Set(query.split(/\s+/).filter(Boolean))].map(word =>
    word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  )
  const marked = new RegExp(`(${words.join('|')})`, 'giu')
  const first = Math.max(0, whole.search(marked))
  const from = whole.length > SNIPPET_CHARS ? Math.max(0, first - LEAD_CHARS) : 0
  const part = whole.slice(from, from + SNIPPET_CHARS)
  return (
    <div class="passage" dir="auto">
      {from > 0 && '… '}
      {/* A split by a group has what matched at the odd places. */}
      {part.split(marked).map((piece, index) => (index % 2 === 1 ? <mark key={index}>{piece}</mark> : piece))}
      {from + SNIPPET_CHARS < whole.length && ' …'}
    </div>
  )
}
