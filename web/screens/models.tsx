/** All models of the mesh: what each does, where it is, and how to get another. */

import { useMemo, useState } from 'preact/hooks'
import type { ScreenProps } from '../app.tsx'
import { bytes, number } from '../format.ts'
import { useMay } from '../may.ts'
import { leavesMesh, type Model, speedOf, useModels } from '../models/all.ts'
import { LeftOut } from '../models/left-out.tsx'
import { OneModel } from '../models/model.tsx'
import { ModelState, useTaskName } from '../models/parts.tsx'
import { Pull } from '../models/pull.tsx'
import { Badge, Button, Card, Empty, Failure, Field, Screen, Select, Waiting } from '../parts/basics.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Text } from '../parts/text.tsx'
import { goTo, linkTo } from '../router.ts'
import { useWords, type Words } from '../words/index.ts'

export function Models({ place }: ScreenProps) {
  const [name] = place.rest
  return name === undefined ? <AllModels /> : <OneModel name={name} key={name} />
}

function AllModels() {
  const w = useWords()
  const { models, leftOut, error, reload } = useModels()
  const [isPulling, setPulling] = useState(false)
  const mayPull = useMay('model.pull')
  return (
    <Screen
      title={w.screens.models}
      actions={
        <>
          {models && <span class="dim">{w.models.count(models.length)}</span>}
          <Button
            unit="model.pull"
            look={isPulling ? 'quiet' : 'main'}
            onPress={() => setPulling(!isPulling)}
          >
            {isPulling ? w.common.close : w.models.bring}
          </Button>
        </>
      }
    >
      {mayPull && (isPulling || models?.length === 0) && <Pull />}
      <Failure error={error} retry={reload} />
      {models === undefined ? !error && <Waiting /> : <List models={models} />}
      {leftOut.length > 0 && <LeftOut items={leftOut} />}
    </Screen>
  )
}

function List({ models }: { readonly models: readonly Model[] }) {
  const w = useWords()
  const taskName = useTaskName()
  const [words, setWords] = useState('')
  const [task, setTask] = useState('')
  const tasks = useMemo(() => [...new Set(models.flatMap(one => one.tasks))].toSorted(), [models])
  const columns = useMemo(() => columnsOf(w, taskName), [w])
  const sought = words.trim().toLowerCase()
  const shown = models.filter(
    one =>
      (task === '' || one.tasks.includes(task)) &&
      (sought === '' ||
        `${one.id} ${one.providers.map(p => p.name).join(' ')}`.toLowerCase().includes(sought))
  )
  if (models.length === 0) {
    return (
      <Card>
        <Empty title={w.models.none}>
          <p>{w.models.noneNote}</p>
        </Empty>
      </Card>
    )
  }
  return (
    <Card>
      <div class="filters">
        <Field label={w.models.filter}>
          {id => (
            <input
              id={id}
              type="search"
              value={words}
              onInput={event => setWords(event.currentTarget.value)}
            />
          )}
        </Field>
        <Field label={w.models.task}>
          {id => (
            <Select
              id={id}
              value={task}
              options={[['', w.models.allTasks], ...tasks.map(name => [name, taskName(name)] as const)]}
              onChange={setTask}
            />
          )}
        </Field>
      </div>
      {shown.length === 0 ? (
        <Empty title={w.models.noMatch} />
      ) : (
        <Table
          label={w.screens.models}
          columns={columns}
          rows={shown}
          keyOf={one => one.id}
          order="name"
          onOpen={one => goTo('models', one.id)}
        />
      )}
    </Card>
  )
}

/** Names of devices in one cell. */
const NAMES_SHOWN = 3

function Where({ providers }: Pick<Model, 'providers'>) {
  const w = useWords()
  const shown = providers.toSorted((a, b) => Number(b.warm) - Number(a.warm)).slice(0, NAMES_SHOWN)
  return (
    <span>
      {shown.map(({ peer_id, name, warm }, index) => (
        <span key={peer_id}>
          {index > 0 && ', '}
          <Text of={name} />
          {warm && ` (${w.device.warm})`}
        </span>
      ))}
      {providers.length > shown.length && ` +${number(providers.length - shown.length)}`}
    </span>
  )
}

const columnsOf = (w: Words, taskName: (task: string) => string): readonly Column<Model>[] => [
  {
    ...{ key: 'name', title: w.mesh.name, sortBy: one => one.id },
    cell: one => (
      <>
        <a href={linkTo('models', one.id)}>
          <Text of={one.id} />
        </a>{' '}
        {leavesMesh(one) && <Badge tone="warn">{w.models.leavesMesh}</Badge>}
      </>
    )
  },
  {
    ...{ key: 'task', title: w.models.task, sortBy: one => taskName(one.tasks[0]!) },
    cell: ({ tasks }) => <Text of={tasks.map(taskName).join(', ')} />
  },
  { key: 'where', title: w.models.where, cell: ({ providers }) => <Where providers={providers} /> },
  {
    ...{ key: 'state', title: w.mesh.state, sortBy: one => one.status },
    cell: ({ status }) => <ModelState state={status} />
  },
  {
    ...{ key: 'size', title: w.models.size, align: 'end', sortBy: one => one.size ?? -1 },
    cell: ({ size }) => (size === null ? '–' : bytes(size))
  },
  {
    ...{ key: 'speed', title: w.models.speed, align: 'end', sortBy: one => speedOf(one) ?? -1 },
    cell: one => {
      const speed = speedOf(one)
      return speed === null ? '–' : w.models.tokens(number(speed, 1))
    }
  }
]
