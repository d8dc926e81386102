/** This mesh in one glance; and until the first answer, the steps that lead to it. */

import { ago, duration, number } from '../format.ts'
import { useUnit } from '../live.ts'
import { useModels } from '../models/all.ts'
import { Badge, Card, Failure, Screen, Stat, Waiting } from '../parts/basics.tsx'
import { Sentence } from '../parts/sentence.tsx'
import { Text } from '../parts/text.tsx'
import { linkTo } from '../router.ts'
import { useWords } from '../words/index.ts'

const SHOWN = 6
/** What is wrong shows soon enough; the checks take some work of the node. */
const CHECKED_EVERY_MS = 60_000

export function Home() {
  const w = useWords()
  const members = useUnit('mesh.members', {}, { on: ['peer.', 'mesh.'] })
  const { models } = useModels()
  const requests = useUnit('inference.requests', { limit: SHOWN }, { on: ['inference.request_'] })
  const running = useUnit(
    'inference.requests',
    { state: 'running', limit: 1 },
    { on: ['inference.request_'] }
  )
  const mesh = useUnit('mesh.show', {}, { on: ['mesh.'] })
  const devices = members.data?.items
  const online = devices?.filter(device => device.self || device.online).length ?? 0
  const first = requests.data?.total === 0
  return (
    <Screen title={mesh.data ? mesh.data.name : w.screens.home}>
      <Failure error={members.error} retry={members.reload} />
      {devices === undefined ? (
        !members.error && <Waiting />
      ) : (
        <>
          <div class="grid">
            <a class="card glance" href={linkTo('mesh')}>
              <Stat
                label={w.home.devicesHere}
                value={number(online)}
                note={w.home.ofDevices(devices.length)}
              />
            </a>
            <a class="card glance" href={linkTo('models')}>
              <Stat
                label={w.screens.models}
                value={models ? number(models.length) : '–'}
                note={w.home.ready(models?.filter(({ status }) => status === 'ready').length ?? 0)}
              />
            </a>
            <a class="card glance" href={linkTo('requests')}>
              <Stat
                label={w.home.running}
                value={running.data ? number(running.data.total) : '–'}
                note={requests.data && w.home.before(requests.data.total)}
              />
            </a>
            <Health />
          </div>
          {first && <Steps alone={devices.length === 1} models={(models?.length ?? 0) > 0} />}
          {requests.data && !first && <Latest items={requests.data.items} />}
        </>
      )}
    </Screen>
  )
}

function Health() {
  const w = useWords()
  const { data } = useUnit('doctor.check', {}, { everyMs: CHECKED_EVERY_MS })
  const wrong = data?.items.filter(({ status }) => status !== 'ok') ?? []
  const failed = wrong.some(({ status }) => status === 'fail')
  return (
    <a class="card glance" href={linkTo('doctor')}>
      <Stat
        label={w.screens.doctor}
        value={
          data === undefined ? (
            '–'
          ) : (
            <Badge tone={failed ? 'bad' : wrong.length > 0 ? 'warn' : 'good'}>
              {wrong.length === 0 ? w.home.well : w.home.findings(wrong.length)}
            </Badge>
          )
        }
        note={
          wrong[0] && (
            <Sentence own={wrong[0].message} code={`${wrong[0].check}.${wrong[0].status}`} kind="findings" />
          )
        }
      />
    </a>
  )
}

/** In the order in which a person takes them; what is done is marked. */
function Steps({ alone, models }: { readonly alone: boolean; readonly models: boolean }) {
  const w = useWords().home
  const steps = [
    { done: !alone, text: w.stepDevice, link: linkTo('people'), action: w.stepDeviceDo },
    { done: models, text: w.stepModel, link: linkTo('models'), action: w.stepModelDo },
    { done: false, text: w.stepAsk, link: linkTo('chat'), action: w.stepAskDo }
  ]
  return (
    <Card title={w.firstSteps}>
      <ol class="steps">
        {steps.map(({ done, text, link, action }) => (
          <li key={link}>
            <Badge tone={done ? 'good' : 'plain'}>{done ? w.done : w.open}</Badge>
            <span>{text}</span>
            <a href={link}>{action}</a>
          </li>
        ))}
      </ol>
    </Card>
  )
}

interface Latest {
  readonly request_id: string
  readonly task: string
  readonly model: string | null
  readonly name: string | null
  readonly at_ms: number
  readonly outcome: string | null
  readonly duration_ms: number | null
}

function Latest({ items }: { readonly items: readonly Latest[] }) {
  const w = useWords()
  return (
    <Card title={w.home.latest} actions={<a href={linkTo('requests')}>{w.screens.requests}</a>}>
      <ul class="plain-list">
        {items.map(({ request_id, task, model, name, at_ms, duration_ms }) => (
          <li key={request_id} class="row">
            <a href={linkTo('requests', request_id)}>
              <Text of={model ?? task} />
            </a>
            {name && (
              <span class="dim">
                {w.home.by} <Text of={name} />
              </span>
            )}
            {duration_ms !== null && <span class="dim">{duration(duration_ms)}</span>}
            <span class="dim">{ago(at_ms)}</span>
          </li>
        ))}
      </ul>
    </Card>
  )
}
