/** One space: what is in it, the rights of devices, and what was written last. */

import { useMemo, useState } from 'preact/hooks'
import { bytes, number } from '../format.ts'
import type { Live } from '../live.ts'
import type { Output } from '../node.ts'
import {
  Badge,
  Button,
  Card,
  Empty,
  Failure,
  Field,
  Screen,
  Select,
  Stat,
  Waiting
} from '../parts/basics.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Text } from '../parts/text.tsx'
import { goTo, linkTo } from '../router.ts'
import { useWords, type Words } from '../words/index.ts'
import { Care } from './care.tsx'
import { History } from './history.tsx'
import { NameField } from './name-field.tsx'
import { Search } from './search.tsx'
import { Sharing } from './sharing.tsx'
import { useKept, useWatch } from './watched.ts'

/** How far other devices are, and what an owner grants: no event tells. */
const READ_EVERY_MS = 5_000
const HASH_SHOWN = 12

export type SpaceStatus = Output<'memory.status'>
type DocInfo = Output<'memory.docs'>['items'][number]

export const mayWrite = ({ right }: Pick<SpaceStatus, 'right'>): boolean =>
  right === 'write' || right === 'own'

/** What a person can begin by hand. */
export const NEW_KINDS = ['facts', 'tasks', 'notes', 'journal', 'thread'] as const
export const KNOWLEDGE = 'knowledge'

export function Space({ space }: { readonly space: string }) {
  const w = useWords()
  useWatch(space)
  const { data, error, reload } = useKept('memory.status', { space }, { everyMs: READ_EVERY_MS })
  const readable = data !== undefined && data.right !== 'carry'
  const docs = useKept('memory.docs', { space }, { when: readable })
  return (
    <Screen title={space} actions={<a href={linkTo('memory')}>{w.memory.spaces}</a>}>
      <Failure error={error} retry={reload} />
      {data === undefined && !error && <Waiting />}
      {data && <Figures {...data} />}
      {readable && <Search space={space} />}
      {data && (
        <div class="two">
          <div class="stack">
            {readable ? (
              <Documents space={data} docs={docs} />
            ) : (
              <Card title={w.memory.carried}>{w.memory.carriedNote}</Card>
            )}
            {readable && (
              <History space={space} kindOf={name => docs.data?.items.find(doc => doc.name === name)?.kind} />
            )}
          </div>
          <div class="stack">
            <Sharing space={data} reload={reload} />
            <Care space={data} reload={reload} />
          </div>
        </div>
      )}
    </Screen>
  )
}

function Figures({ right, docs, entries, bytes: size, log, hash, part }: SpaceStatus) {
  const w = useWords()
  return (
    <Card>
      <div class="grid figures">
        <Stat label={w.memory.ownRight} value={w.memory.rights[right]} note={w.memory.rightNotes[right]} />
        {hash !== null && (
          <Stat
            label={w.memory.docs}
            value={number(docs)}
            note={w.memory.entriesCount(entries, number(entries))}
          />
        )}
        <Stat
          label={w.memory.size}
          value={bytes(size)}
          note={part === 'newest' ? w.memory.holdsNewest : undefined}
        />
        <Stat
          label={w.memory.changes}
          value={number(log.here)}
          note={log.in_snapshot > 0 ? w.memory.inSnapshot(number(log.in_snapshot)) : undefined}
        />
        {hash !== null && (
          <Stat
            label={w.memory.hash}
            value={<code title={hash}>{hash.slice(0, HASH_SHOWN)}</code>}
            note={w.memory.hashNote}
          />
        )}
      </div>
    </Card>
  )
}

type DocumentsProps = { space: SpaceStatus; docs: Live<Output<'memory.docs'>> }

function Documents({ space, docs: { data, error, reload } }: DocumentsProps) {
  const w = useWords()
  const [making, make] = useState(false)
  const columns = useMemo(() => columnsOf(w, space.name), [w, space.name])
  const begin = mayWrite(space) && (
    <>
      <Button onPress={() => goTo('memory', space.name, KNOWLEDGE)}>{w.memory.addFiles}</Button>
      <Button onPress={() => make(true)}>{w.memory.newDoc}</Button>
    </>
  )
  return (
    <Card title={w.memory.docs} actions={data && data.items.length > 0 && begin}>
      <Failure error={error} retry={reload} />
      {data?.items.length === 0 && (
        <Empty title={w.memory.noDocs}>
          <p>{mayWrite(space) ? w.memory.noDocsHow : w.memory.noDocsRead}</p>
          <div class="row">{begin}</div>
        </Empty>
      )}
      {data && data.items.length > 0 && (
        <Table
          label={w.memory.docs}
          columns={columns}
          rows={data.items}
          keyOf={doc => doc.name}
          order="name"
          onOpen={doc => goTo('memory', space.name, doc.name)}
        />
      )}
      {making && <NewDocument space={space.name} onClose={() => make(false)} />}
    </Card>
  )
}

const columnsOf = (w: Words, space: string): readonly Column<DocInfo>[] => [
  {
    ...{ key: 'name', title: w.memory.name, sortBy: doc => doc.name },
    cell: doc => (
      <a href={linkTo('memory', space, doc.name)}>
        <Text of={doc.name} />
      </a>
    )
  },
  {
    ...{ key: 'kind', title: w.memory.kind, sortBy: doc => doc.kind },
    cell: doc => <Badge>{doc.name === KNOWLEDGE ? w.memory.knowledge : w.memory.kinds[doc.kind]}</Badge>
  },
  {
    ...{ key: 'entries', title: w.memory.entries, align: 'end', sortBy: doc => doc.entries },
    cell: doc => number(doc.entries)
  },
  {
    ...{ key: 'size', title: w.memory.size, align: 'end', sortBy: doc => doc.bytes },
    cell: doc => bytes(doc.bytes)
  }
]

/** A document is there from its first change on; until then it is an empty page. */
function NewDocument({ space, onClose }: { space: string; onClose(): void }) {
  const w = useWords()
  const [name, setName] = useState('')
  const [kind, setKind] = useState<string>('facts')
  return (
    <Dialog title={w.memory.newDoc} onClose={onClose}>
      <form
        onSubmit={event => {
          event.preventDefault()
          onClose()
          goTo('memory', space, name, kind)
        }}
      >
        <NameField value={name} onChange={setName} />
        <Field label={w.memory.kind} note={w.memory.kindNotes[kind as keyof typeof w.memory.kindNotes]}>
          {id => (
            <Select
              id={id}
              value={kind}
              options={NEW_KINDS.map(kind => [kind, w.memory.kinds[kind]] as const)}
              onChange={setKind}
            />
          )}
        </Field>
        <div class="row end wide">
          <Button onPress={onClose}>{w.common.cancel}</Button>
          <button type="submit" class="button main">
            {w.memory.begin}
          </button>
        </div>
      </form>
    </Dialog>
  )
}
