/** All tasks but chat, to be tried. */

import { useState } from 'preact/hooks'
import type { ScreenProps } from '../app.tsx'
import '../playground/style.css'
import { useUnit } from '../live.ts'
import { Card, Empty, Failure, Field, Screen, Select, Waiting } from '../parts/basics.tsx'
import { plain } from '../parts/text.tsx'
import { VIEWS, type ViewName } from '../playground/views.ts'
import { linkTo } from '../router.ts'
import { useWords } from '../words/index.ts'

interface Offered {
  readonly id: string
  readonly types: readonly string[]
  readonly ready: boolean
  readonly devices: readonly string[]
}

const NAMES = Object.keys(VIEWS) as ViewName[]

export function Playground({ place }: ScreenProps) {
  const w = useWords()
  const { data, error, reload } = useUnit('inference.models', {}, { on: ['peer.', 'manifest.', 'model.'] })
  const offersOf = (name: ViewName) =>
    data?.models.filter(({ types }) => types.includes(VIEWS[name].task)) ?? []
  const first = NAMES.find(name => offersOf(name).length > 0) ?? 'classify'
  const name = NAMES.find(name => name === place.rest[0]) ?? first
  return (
    <Screen title={w.screens.playground}>
      <Failure error={error} retry={reload} />
      {data === undefined ? (
        !error && <Waiting />
      ) : (
        <>
          <Tabs current={name} isOffered={name => offersOf(name).length > 0} />
          <Task key={name} name={name} offers={offersOf(name)} />
        </>
      )}
    </Screen>
  )
}

function Tabs({ current, isOffered }: { current: ViewName; isOffered(name: ViewName): boolean }) {
  const w = useWords().playground
  return (
    <nav class="task-tabs" aria-label={w.tasks}>
      <ul>
        {NAMES.map(name => (
          <li key={name}>
            <a
              href={linkTo('playground', name)}
              aria-current={name === current ? 'page' : undefined}
              class={isOffered(name) ? '' : 'lacking'}
            >
              {w.views[name].title}
              {!isOffered(name) && <span class="sr-only"> ({w.noModelShort})</span>}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  )
}

function Task({ name, offers }: { name: ViewName; offers: readonly Offered[] }) {
  const w = useWords().playground
  const [model, setModel] = useState('')
  const { Show, task } = VIEWS[name]
  const { title, what } = w.views[name]
  if (offers.length === 0) {
    return (
      <Card title={title}>
        <p class="dim">{what}</p>
        <Empty title={w.noModel}>
          <p>{w.howToGet}</p>
          <pre>lumos-node models pull hf:OWNER/NAME</pre>
          <p>
            {w.task}: <code>{task}</code> · <a href={linkTo('models')}>{w.toModels}</a>
          </p>
        </Empty>
      </Card>
    )
  }
  const known = offers.some(({ id }) => id === model)
  return (
    <Card title={title}>
      <p class="dim">{what}</p>
      <div class="picker">
        <Field label={w.model}>
          {id => (
            <Select
              id={id}
              value={known ? model : ''}
              options={[
                ['', w.anyModel],
                ...offers.map(offer => [offer.id, labelOf(offer, w.loaded)] as const)
              ]}
              onChange={setModel}
            />
          )}
        </Field>
      </div>
      <Show model={known ? model : undefined} />
    </Card>
  )
}

const labelOf = ({ id, devices, ready }: Offered, loaded: string): string =>
  plain(`${id} – ${devices.join(', ')}${ready ? ` (${loaded})` : ''}`)
