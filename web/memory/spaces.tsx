/** The spaces of this device. */

import { useMemo, useState } from 'preact/hooks'
import { bytes, number } from '../format.ts'
import { useUnit } from '../live.ts'
import { call, type Output } from '../node.ts'
import { Badge, Button, Card, Empty, Failure, Field, Screen, Waiting } from '../parts/basics.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Text } from '../parts/text.tsx'
import { goTo, linkTo } from '../router.ts'
import { useWords, type Words } from '../words/index.ts'
import { NameField } from './name-field.tsx'
import { Search } from './search.tsx'

/** Other devices make, share and change spaces, and no event tells. */
const READ_EVERY_MS = 5_000

type SpaceInfo = Output<'memory.list'>['items'][number]

export function Spaces() {
  const w = useWords()
  const { data, error, reload } = useUnit('memory.list', {}, { everyMs: READ_EVERY_MS, on: ['peer.'] })
  const [making, make] = useState<'new' | 'import'>()
  const columns = useMemo(() => columnsOf(w), [w])
  const items = data?.items
  return (
    <Screen
      title={w.screens.memory}
      actions={
        <>
          <Button unit="memory.import" onPress={() => make('import')}>
            {w.memory.import}
          </Button>
          <Button unit="memory.create" look="main" onPress={() => make('new')}>
            {w.memory.create}
          </Button>
        </>
      }
    >
      <Failure error={error} retry={reload} />
      {items === undefined && !error && <Waiting />}
      {items && items.length > 0 && <Search />}
      {items && (
        <Card title={w.memory.spaces}>
          {items.length === 0 ? (
            <Empty title={w.memory.none}>
              <p>{w.memory.noneHow}</p>
              <Button unit="memory.create" look="main" onPress={() => make('new')}>
                {w.memory.create}
              </Button>
            </Empty>
          ) : (
            <Table
              label={w.memory.spaces}
              columns={columns}
              rows={items}
              keyOf={space => space.id}
              order="name"
              onOpen={space => goTo('memory', space.name)}
            />
          )}
        </Card>
      )}
      {making && <Make from={making} onClose={() => make(undefined)} />}
    </Screen>
  )
}

/** A space that is empty, or that has what another one had. */
function Make({ from, onClose }: { from: 'new' | 'import'; onClose(): void }) {
  const w = useWords()
  const [name, setName] = useState('')
  const [file, setFile] = useState<File>()
  const [error, setError] = useState<unknown>()
  const make = async () => {
    try {
      if (from === 'new') await call('memory.create', { name })
      else await call('memory.import', { name, text: (await file?.text()) ?? '', format: 'exact' })
      onClose()
      goTo('memory', name)
    } catch (err) {
      setError(err)
    }
  }
  return (
    <Dialog title={from === 'new' ? w.memory.create : w.memory.import} onClose={onClose}>
      <form
        onSubmit={event => {
          event.preventDefault()
          void make()
        }}
      >
        <NameField value={name} onChange={setName} />
        {from === 'import' && (
          <Field label={w.memory.importFile} note={w.memory.importNote}>
            {id => (
              <input
                id={id}
                type="file"
                required
                onChange={event => setFile(event.currentTarget.files?.[0])}
              />
            )}
          </Field>
        )}
        {from === 'new' && <p class="note">{w.memory.privateNote}</p>}
        <Failure error={error} />
        <div class="row end wide">
          <Button onPress={onClose}>{w.common.cancel}</Button>
          <button type="submit" class="button main">
            {from === 'new' ? w.memory.create : w.memory.import}
          </button>
        </div>
      </form>
    </Dialog>
  )
}

const columnsOf = (w: Words): readonly Column<SpaceInfo>[] => [
  {
    ...{ key: 'name', title: w.memory.name, sortBy: space => space.name },
    cell: space => (
      <a href={linkTo('memory', space.name)}>
        <Text of={space.name} />
      </a>
    )
  },
  {
    ...{ key: 'right', title: w.memory.ownRight, sortBy: space => space.right },
    cell: space => (
      <Badge tone={space.right === 'own' ? 'info' : 'plain'}>{w.memory.rights[space.right]}</Badge>
    )
  },
  {
    ...{ key: 'shared', title: w.memory.sharedWith },
    cell: space => <SharedWith {...space} />
  },
  {
    ...{ key: 'step', title: w.memory.elsewhere },
    cell: ({ peers }) =>
      peers.length === 0 ? (
        <span class="dim">–</span>
      ) : (
        w.memory.inStepCount(peers.filter(peer => peer.in_step).length, peers.length)
      )
  },
  {
    ...{ key: 'docs', title: w.memory.docs, align: 'end', sortBy: space => space.docs },
    cell: space => (space.hash === null ? '–' : number(space.docs))
  },
  {
    ...{ key: 'entries', title: w.memory.entries, align: 'end', sortBy: space => space.entries },
    cell: space => (space.hash === null ? '–' : number(space.entries))
  },
  {
    ...{ key: 'size', title: w.memory.size, align: 'end', sortBy: space => space.bytes },
    cell: space => bytes(space.bytes)
  }
]

function SharedWith({ grants, shared }: SpaceInfo) {
  const w = useWords()
  if (grants.length === 0) return <span class="dim">{shared ? w.memory.byOthers : w.memory.private}</span>
  return (
    <span>
      {grants.map(({ peer_id, name, role }, index) => (
        <span key={peer_id ?? role}>
          {index > 0 && ', '}
          {role ? (
            w.memory.roles[role as keyof typeof w.memory.roles]
          ) : (
            <Text of={name ?? peer_id?.slice(-8)} />
          )}
        </span>
      ))}
    </span>
  )
}
