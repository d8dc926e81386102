/** The devices that answer with a model: whether each has it loaded, and how fast it is. */

import { useMemo } from 'preact/hooks'
import { bytes, duration, number } from '../format.ts'
import { call } from '../node.ts'
import { Button, Card } from '../parts/basics.tsx'
import { attempt } from '../parts/notes.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Text } from '../parts/text.tsx'
import { useIsAdmin } from '../people/roles.ts'
import { linkTo } from '../router.ts'
import { useWords, type Words } from '../words/index.ts'
import type { Provider } from './all.ts'
import type { OneModelInfo } from './model.tsx'
import { ModelState } from './parts.tsx'

/** Loading a large model from a slow disk. */
const LOAD_MS = 600_000

export function DevicesCard({ model, reload }: { readonly model: OneModelInfo; reload(): void }) {
  const w = useWords()
  const isAdmin = useIsAdmin()
  const columns = useMemo(() => columnsOf(w, model.id, isAdmin, reload), [w, model.id, isAdmin, reload])
  return (
    <Card title={w.models.devices}>
      <Table
        label={w.models.devices}
        columns={columns}
        rows={model.providers}
        keyOf={one => one.peer_id}
        order="name"
      />
    </Card>
  )
}

const columnsOf = (
  w: Words,
  model: string,
  isAdmin: boolean,
  reload: () => void
): readonly Column<Provider>[] => [
  {
    ...{ key: 'name', title: w.mesh.name, sortBy: one => one.name },
    cell: ({ peer_id, name }) => (
      <a href={linkTo('mesh', peer_id)}>
        <Text of={name} />
      </a>
    )
  },
  {
    ...{ key: 'state', title: w.mesh.state, sortBy: one => one.state },
    cell: ({ state }) => <ModelState state={state} />
  },
  { key: 'slots', title: w.models.slots, align: 'end', cell: ({ slots }) => number(slots) },
  {
    ...{ key: 'memory', title: w.device.memory, align: 'end' },
    cell: one => (one.memory_bytes === null ? '–' : bytes(one.memory_bytes))
  },
  {
    ...{ key: 'first', title: w.models.first, align: 'end' },
    cell: one => (one.first_chunk_ms === null ? '–' : duration(one.first_chunk_ms))
  },
  {
    ...{ key: 'speed', title: w.models.speed, align: 'end' },
    cell: one => (one.tokens_per_second === null ? '–' : w.models.tokens(number(one.tokens_per_second, 1)))
  },
  {
    ...{ key: 'do', title: w.models.actions, align: 'end' },
    cell: one =>
      isAdmin || one.route === 'local' ? <LoadButton model={model} provider={one} reload={reload} /> : '–'
  }
]

function LoadButton({ model, provider, reload }: { model: string; provider: Provider; reload(): void }) {
  const w = useWords()
  const { warm, name } = provider
  const peer = provider.route === 'local' ? undefined : provider.peer_id
  const press = async () => {
    const [unit, done] = warm
      ? (['model.unload', w.models.unloaded(name)] as const)
      : (['model.load', w.models.loaded(name)] as const)
    await attempt(() => call(unit, { model_id: model }, { peer, timeoutMs: LOAD_MS }), done)
    reload()
  }
  return (
    <Button
      unit={warm ? 'model.unload' : 'model.load'}
      aria-label={warm ? w.models.unloadOn(name) : w.models.loadOn(name)}
      onPress={press}
    >
      {warm ? w.models.unload : w.models.load}
    </Button>
  )
}
