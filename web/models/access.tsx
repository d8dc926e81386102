/** To whom a device offers a model. Each device decides for its own; an admin may say it for another one. */

import { useState } from 'preact/hooks'
import { useUnit } from '../live.ts'
import { call } from '../node.ts'
import { Badge, Button, Card, Failure, Field, Select, Waiting } from '../parts/basics.tsx'
import { attempt } from '../parts/notes.tsx'
import { Text } from '../parts/text.tsx'
import { useIsAdmin } from '../people/roles.ts'
import { useWords } from '../words/index.ts'
import type { Provider } from './all.ts'
import type { OneModelInfo } from './model.tsx'

const ROLES = ['admin', 'member', 'edge', 'guest'] as const
type Role = (typeof ROLES)[number]
type Offered = NonNullable<Provider['offered_to']> | null

export function AccessCard({ model }: { readonly model: OneModelInfo }) {
  const w = useWords()
  const own = model.providers.find(({ route }) => route === 'local')
  const [chosen, choose] = useState<string>()
  const device = model.providers.find(one => one.peer_id === chosen) ?? own ?? model.providers[0]
  if (device === undefined) return null
  return (
    <Card title={w.models.access}>
      {model.providers.length > 1 && (
        <Field label={w.models.accessOf}>
          {id => (
            <Select
              id={id}
              value={device.peer_id}
              options={model.providers.map(({ peer_id, name }) => [peer_id, name] as const)}
              onChange={choose}
            />
          )}
        </Field>
      )}
      <Access key={device.peer_id} model={model.id} device={device} />
    </Card>
  )
}

function Access({ model, device }: { readonly model: string; readonly device: Provider }) {
  const w = useWords()
  const peer = device.route === 'local' ? undefined : device.peer_id
  const { data, error, reload } = useUnit(
    'model.get',
    { model_id: model },
    { peer, on: ['model.', 'manifest.'] }
  )
  const mayChange = useIsAdmin() || peer === undefined
  const [changes, setChanges] = useState(false)
  const offered = data?.providers.find(({ route }) => route === 'local')?.offered_to
  if (error) return <Failure error={error} retry={reload} />
  if (data === undefined) return <Waiting />
  if (offered === undefined) return <p class="dim">{w.models.accessUnknown}</p>
  return (
    <>
      <div class="row spread">
        <Offering to={offered} />
        {mayChange && !changes && (
          <Button unit="model.offer" onPress={() => setChanges(true)}>
            {w.models.accessChange}
          </Button>
        )}
      </div>
      {!mayChange && <p class="note">{w.doctor.onlyAdminsDrain}</p>}
      {changes && (
        <AccessForm
          offered={offered}
          onClose={() => setChanges(false)}
          onSave={async to => {
            const done = await attempt(() =>
              to === null
                ? call('model.withdraw', { model_id: model }, { peer })
                : call('model.offer', { model_id: model, to }, { peer })
            )
            if (!done) return
            setChanges(false)
            reload()
          }}
        />
      )}
    </>
  )
}

function Offering({ to }: { readonly to: Offered }) {
  const w = useWords()
  const { data } = useUnit('mesh.members')
  if (to === null) return <Badge>{w.models.nobody}</Badge>
  if (to === 'everyone') return <Badge tone="good">{w.models.everyone}</Badge>
  const nameOf = (peerId: string) => data?.items.find(one => one.peer_id === peerId)?.name ?? peerId.slice(-8)
  return (
    <span class="row">
      {to.roles?.map(role => (
        <Badge key={role} tone="info">
          {w.mesh.roles[role]}
        </Badge>
      ))}
      {to.peers?.map(peerId => (
        <Badge key={peerId} tone="info">
          <Text of={nameOf(peerId)} />
        </Badge>
      ))}
    </span>
  )
}

const WAYS = ['everyone', 'some', 'nobody'] as const

function AccessForm({
  offered,
  onSave,
  onClose
}: {
  offered: Offered
  onSave(to: Offered): Promise<void>
  onClose(): void
}) {
  const w = useWords()
  const { data } = useUnit('mesh.members')
  const some = typeof offered === 'object' ? offered : null
  const [way, setWay] = useState<(typeof WAYS)[number]>(
    offered === null ? 'nobody' : offered === 'everyone' ? 'everyone' : 'some'
  )
  const [roles, setRoles] = useState<readonly Role[]>(some?.roles ?? [])
  const [peers, setPeers] = useState<readonly string[]>(some?.peers ?? [])
  const labels = { everyone: w.models.everyone, some: w.models.some, nobody: w.models.nobody }
  const isEmpty = way === 'some' && roles.length + peers.length === 0
  const to = (): Offered =>
    way === 'everyone'
      ? 'everyone'
      : way === 'nobody'
        ? null
        : { ...(roles.length > 0 && { roles: [...roles] }), ...(peers.length > 0 && { peers: [...peers] }) }
  return (
    <form onSubmit={event => event.preventDefault()}>
      <fieldset>
        <legend class="sr-only">{w.models.access}</legend>
        {WAYS.map(name => (
          <label key={name} class="choice">
            <input type="radio" name="way" checked={way === name} onChange={() => setWay(name)} />
            {labels[name]}
          </label>
        ))}
      </fieldset>
      {way === 'some' && (
        <div class="two even">
          <Choices
            legend={w.models.roles}
            chosen={roles}
            onChange={setRoles}
            of={ROLES.map(role => [role, w.mesh.roles[role]])}
          />
          <Choices
            legend={w.models.devices}
            chosen={peers}
            onChange={setPeers}
            of={(data?.items ?? []).filter(one => !one.self).map(({ peer_id, name }) => [peer_id, name])}
          />
        </div>
      )}
      <p class="note">{way === 'everyone' ? w.models.accessNote : w.models.accessEnds}</p>
      <div class="row">
        <Button look="main" disabled={isEmpty} onPress={() => onSave(to())}>
          {w.models.accessSave}
        </Button>
        <Button onPress={onClose}>{w.common.cancel}</Button>
      </div>
    </form>
  )
}

function Choices<T extends string>({
  legend,
  of,
  chosen,
  onChange
}: {
  legend: string
  of: readonly (readonly [T, string])[]
  chosen: readonly T[]
  onChange(chosen: readonly T[]): void
}) {
  return (
    <fieldset>
      <legend>{legend}</legend>
      {of.map(([value, label]) => (
        <label key={value} class="choice">
          <input
            type="checkbox"
            checked={chosen.includes(value)}
            onChange={event =>
              onChange(
                event.currentTarget.checked ? [...chosen, value] : chosen.filter(other => other !== value)
              )
            }
          />
          <Text of={label} />
        </label>
      ))}
    </fieldset>
  )
}
