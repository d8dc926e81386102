/** What happens, the newest first: filtered, held, and back in time. */

import { useMemo, useState } from 'preact/hooks'
import { number } from '../format.ts'
import { Badge, Button, Card, Empty, Failure, Select, Waiting } from '../parts/basics.tsx'
import { attempt } from '../parts/notes.tsx'
import { Text } from '../parts/text.tsx'
import { linkTo } from '../router.ts'
import { useWords } from '../words/index.ts'
import { EventRow } from './event-row.tsx'
import { type Filter, type Item, keyOf, matches, useHappenings } from './kept.ts'
import { useSubjects } from './subjects.tsx'

/** A screen and a half; more are drawn when the reader asks for them. */
const ROWS_FIRST = 100

export function Stream({ of: correlation }: { readonly of?: string | undefined }) {
  const w = useWords()
  const [domain, setDomain] = useState<string>()
  const [name, setName] = useState<string>()
  const filter = useMemo((): Filter => ({ domain, name, correlation }), [domain, name, correlation])
  const { items: live, ready, error, retry, before } = useHappenings(filter)
  const [held, hold] = useState<readonly Item[]>()
  const items = held ?? live
  const [ended, setEnded] = useState(false)
  const found = items.filter(item => matches(item, filter))
  const waiting = held === undefined ? 0 : newer(live, held)
  const goBack = () =>
    attempt(async () => {
      setEnded(!(await before()))
      if (held) hold(undefined)
    })
  const choose = (domain: string | undefined, name?: string) => {
    setDomain(domain)
    setName(name)
    setEnded(false)
  }
  return (
    <Card
      title={correlation === undefined ? w.events.live : w.events.ofOne}
      actions={
        <>
          {correlation !== undefined && (
            <>
              <code>
                <Text of={correlation} />
              </code>
              <a href={linkTo('events')}>{w.events.all}</a>
            </>
          )}
          <Badge tone={held ? 'warn' : 'good'}>
            {held ? w.events.held(number(waiting)) : w.events.flows}
          </Badge>
          <Button onPress={() => hold(held ? undefined : [...live])}>
            {held ? w.events.goOn : w.events.hold}
          </Button>
        </>
      }
    >
      <Filters items={items} filter={filter} choose={choose} />
      <Failure error={error} retry={retry} />
      {!ready && !error && <Waiting />}
      {ready && found.length === 0 && <Empty title={w.events.none}>{w.events.noneHow}</Empty>}
      <Rows items={found} />
      {ready && (
        <div class="row">
          {ended ? (
            <p class="note">{w.events.noEarlier}</p>
          ) : (
            <Button onPress={goBack}>{w.events.earlier}</Button>
          )}
          <span class="note">{w.events.kept(number(items.length))}</span>
        </div>
      )}
    </Card>
  )
}

function newer(live: readonly Item[], held: readonly Item[]): number {
  const last = held.at(-1)
  if (last === undefined) return live.length
  const at = live.findLastIndex(item => keyOf(item) === keyOf(last))
  return live.length - 1 - at
}

type FiltersProps = {
  items: readonly Item[]
  filter: Filter
  choose(domain: string | undefined, name?: string): void
}

function Filters({ items, filter, choose }: FiltersProps) {
  const w = useWords()
  const { domains, names } = useCounts(items, filter)
  const all = [...domains.values()].reduce((sum, count) => sum + count, 0)
  return (
    <div class="event-filters">
      <fieldset class="chips" aria-label={w.events.domain}>
        <Chip pressed={filter.domain === undefined} count={all} onPress={() => choose(undefined)}>
          {w.events.every}
        </Chip>
        {[...domains].map(([domain, count]) => (
          <Chip
            key={domain}
            pressed={filter.domain === domain}
            count={count}
            onPress={() => choose(filter.domain === domain ? undefined : domain)}
          >
            {w.events.domains[domain as keyof typeof w.events.domains] ?? domain}
          </Chip>
        ))}
      </fieldset>
      <Select
        aria-label={w.events.name}
        value={filter.name ?? ''}
        options={[
          ['', w.events.anyName],
          ...[...names].map(([name, count]) => [name, `${name} (${number(count)})`] as const)
        ]}
        onChange={name => choose(filter.domain, name || undefined)}
      />
    </div>
  )
}

type ChipProps = { pressed: boolean; count: number; onPress(): void; children: string }

const Chip = ({ pressed, count, onPress, children }: ChipProps) => (
  <button type="button" class="chip" aria-pressed={pressed} onClick={onPress}>
    {children} <span class="count">{number(count)}</span>
  </button>
)

/** How many of each there are; the one that is chosen is there also where it has none. */
function useCounts(items: readonly Item[], filter: Filter) {
  const domains = new Map<string, number>()
  const names = new Map<string, number>()
  for (const item of items) {
    if (item.type === 'gap' || !matches(item, { correlation: filter.correlation })) continue
    const domain = item.name.slice(0, item.name.indexOf('.'))
    domains.set(domain, (domains.get(domain) ?? 0) + 1)
    if (filter.domain === undefined || filter.domain === domain)
      names.set(item.name, (names.get(item.name) ?? 0) + 1)
  }
  if (filter.domain !== undefined && !domains.has(filter.domain)) domains.set(filter.domain, 0)
  if (filter.name !== undefined && !names.has(filter.name)) names.set(filter.name, 0)
  const sorted = (counts: Map<string, number>) => new Map([...counts].sort(([a], [b]) => a.localeCompare(b)))
  return { domains: sorted(domains), names: sorted(names) }
}

function Rows({ items }: { readonly items: readonly Item[] }) {
  const w = useWords()
  const subjects = useSubjects()
  const [shown, setShown] = useState(ROWS_FIRST)
  const newest = items.slice(-shown).reverse()
  return (
    <>
      <ol class="plain-list events">
        {newest.map(item => (
          <EventRow key={keyOf(item)} item={item} subjects={subjects} />
        ))}
      </ol>
      {items.length > shown && (
        <div>
          <Button onPress={() => setShown(shown + 5 * ROWS_FIRST)}>
            {w.common.more(items.length - shown)}
          </Button>
        </div>
      )}
    </>
  )
}
