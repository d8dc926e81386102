/** Models of this device that it does not serve, why, and the engines that they wait for. */

import { useUnit } from '../live.ts'
import { call, type Output } from '../node.ts'
import { Button, Card } from '../parts/basics.tsx'
import { attempt } from '../parts/notes.tsx'
import { Sentence } from '../parts/sentence.tsx'
import { Text } from '../parts/text.tsx'
import { linkTo } from '../router.ts'
import { useWords } from '../words/index.ts'

type Item = Output<'model.list'>['left_out'][number]

export function LeftOut({ items }: { readonly items: readonly Item[] }) {
  const w = useWords().models
  return (
    <Card title={w.leftOut}>
      <ul class="plain-list">
        {items.map(({ place, code, reason }) => (
          <li key={place + code}>
            <Text of={place} />
            <p class="dim">
              <Sentence own={reason} code={code} /> <code>{code}</code>
            </p>
          </li>
        ))}
      </ul>
      <Engines items={items} />
    </Card>
  )
}

/** The reason of a model that waits for an engine names the engine. */
function Engines({ items }: { readonly items: readonly Item[] }) {
  const w = useWords().models
  const { data } = useUnit('engine.list', {}, { on: ['engine.'] })
  const wanted = data?.items.filter(
    ({ name, status }) => status !== 'ready' && items.some(({ reason }) => reason.includes(name))
  )
  return wanted?.map(({ name, status }) => (
    <div key={name} class="row">
      {status === 'absent' ? (
        <Button
          unit="engine.install"
          look="main"
          onPress={() => attempt(() => call('engine.install', { name }), w.pullBegun(name))}
        >
          {w.engineBring(name)}
        </Button>
      ) : (
        <Button unit="engine.start" look="main" onPress={() => attempt(() => call('engine.start', { name }))}>
          {w.engineStart(name)}
        </Button>
      )}
      <a href={linkTo('events', 'jobs')}>{w.engineJobs}</a>
    </div>
  ))
}
