/** One model: what it is, which devices answer with it, have its files, and may use it. */

import { useState } from 'preact/hooks'
import { bytes, number } from '../format.ts'
import { useUnit } from '../live.ts'
import { call, type Output } from '../node.ts'
import { Badge, Button, Card, Failure, Screen, Stat, Waiting } from '../parts/basics.tsx'
import { Confirm } from '../parts/dialog.tsx'
import { attempt } from '../parts/notes.tsx'
import { Text } from '../parts/text.tsx'
import { goTo, linkTo } from '../router.ts'
import { useWords } from '../words/index.ts'
import { AccessCard } from './access.tsx'
import { leavesMesh, MODEL_EVENTS } from './all.ts'
import { DevicesCard } from './devices.tsx'
import { ModelState, useTaskName } from './parts.tsx'

/** What other devices say of their state comes by their manifests. */
const READ_EVERY_MS = 5_000
export type OneModelInfo = Output<'model.get'>

export function OneModel({ name }: { readonly name: string }) {
  const w = useWords()
  const { data, error, reload } = useUnit(
    'model.get',
    { model_id: name },
    { on: MODEL_EVENTS, everyMs: READ_EVERY_MS }
  )
  return (
    <Screen title={name} actions={<a href={linkTo('models')}>{w.models.all}</a>}>
      {error !== undefined && <Failure error={error} retry={reload} />}
      {data === undefined ? (
        !error && <Waiting />
      ) : (
        <>
          <Facts model={data} />
          <DevicesCard model={data} reload={reload} />
          <Weights model={data} reload={reload} />
          <AccessCard model={data} />
        </>
      )}
    </Screen>
  )
}

function Facts({ model }: { readonly model: OneModelInfo }) {
  const w = useWords()
  const taskName = useTaskName()
  const context = Math.max(0, ...model.providers.map(one => one.context_tokens ?? 0))
  return (
    <Card
      title={w.models.what}
      actions={
        model.tasks.includes('text-generation') && (
          <Button unit="inference.chat" look="main" onPress={() => goTo('chat', model.id)}>
            {w.models.chat}
          </Button>
        )
      }
    >
      {leavesMesh(model) && (
        <p>
          <Badge tone="warn">{w.models.leavesMesh}</Badge> {w.models.leavesMeshNote}
        </p>
      )}
      <div class="facts">
        <Stat label={w.models.task} value={<Text of={model.tasks.map(taskName).join(', ')} />} />
        <Stat label={w.mesh.state} value={<ModelState state={model.status} />} />
        <Stat label={w.models.size} value={model.size === null ? '–' : bytes(model.size)} />
        {model.format && <Stat label={w.models.format} value={model.format} />}
        {model.requirements && <Stat label={w.models.needs} value={bytes(model.requirements.memory_min)} />}
        {context > 0 && <Stat label={w.models.context} value={w.models.contextOf(number(context))} />}
      </div>
    </Card>
  )
}

/** The files: which devices have them, how safely they are kept, and their end. */
function Weights({ model, reload }: { readonly model: OneModelInfo; reload(): void }) {
  const w = useWords()
  const [asks, setAsks] = useState(false)
  const where = useUnit('model.where', { model_id: model.id }, { on: ['model.', 'job.changed', 'peer.'] })
  const { weights } = model
  const isHere = weights !== null
  const items = where.data?.items ?? []
  const served = model.providers.some(({ route }) => route === 'local')
  const pull = () => attempt(() => call('model.pull', { ref: model.id }), w.models.pullBegun(model.id))
  const pin = async (pinned: boolean) => {
    await attempt(() => call(pinned ? 'model.pin' : 'model.unpin', { model_id: model.id }))
    reload()
  }
  return (
    <Card
      title={w.models.files}
      actions={
        <>
          {isHere && (
            <Button unit="model.pin" onPress={() => pin(!weights.pinned)}>
              {weights.pinned ? w.models.unpin : w.models.pin}
            </Button>
          )}
          {isHere && (
            <Button unit="model.delete" look="danger" onPress={() => setAsks(true)}>
              {w.models.remove}
            </Button>
          )}
          {!isHere && !served && items.length > 0 && (
            <Button unit="model.pull" look="main" onPress={pull}>
              {w.models.bringHere}
            </Button>
          )}
        </>
      }
    >
      <Failure error={where.error} />
      {isHere && (
        <p class="row">
          <Badge tone={weights.state === 'damaged' ? 'bad' : weights.state === 'whole' ? 'good' : 'info'}>
            {w.models.weightStates[weights.state]}
          </Badge>
          {weights.pinned && <Badge tone="info">{w.models.pinned}</Badge>}
          {weights.copies !== null && <span class="dim">{w.models.copies(weights.copies)}</span>}
          <code class="dim">{weights.cid}</code>
        </p>
      )}
      {where.data && items.length === 0 && <p class="dim">{served ? w.models.folder : w.models.noFiles}</p>}
      <ul class="plain-list">
        {items.map(({ peer_id, name, bytes_have, bytes_total }) => (
          <li key={peer_id} class="row">
            <a href={linkTo('mesh', peer_id)}>
              <Text of={name} />
            </a>
            <span class="dim">
              {bytes_have === bytes_total
                ? bytes(bytes_total)
                : w.models.doneOf(bytes(bytes_have), bytes(bytes_total))}
            </span>
          </li>
        ))}
      </ul>
      {asks && <Removal model={model.id} others={items.length > 1} onClose={() => setAsks(false)} />}
    </Card>
  )
}

function Removal({ model, others, onClose }: { model: string; others: boolean; onClose(): void }) {
  const w = useWords()
  return (
    <Confirm
      title={w.models.removeTitle(model)}
      action={w.models.remove}
      onClose={onClose}
      onConfirm={async () => {
        await call('model.delete', { model_id: model })
        goTo('models')
      }}
    >
      <p>{others ? w.models.removeOthers : w.models.removeLast}</p>
    </Confirm>
  )
}
