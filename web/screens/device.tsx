/** One device: what it is, how busy it is, what it offers, and what an admin may do with it. */

import { useEffect, useRef, useState } from 'preact/hooks'
import { Serving } from '../doctor/serving.tsx'
import { bytes, duration, number, percent } from '../format.ts'
import { useUnit } from '../live.ts'
import { Badge, Button, Card, Failure, Screen, Stat, Waiting } from '../parts/basics.tsx'
import { Spark } from '../parts/spark.tsx'
import { Text } from '../parts/text.tsx'
import { type Member, type Mesh, mayRemove, Removal } from '../people/members.tsx'
import { goTo, linkTo } from '../router.ts'
import { useWords } from '../words/index.ts'

const MEASURED_EVERY_MS = 3_000
/** Three minutes of measurements. */
const KEPT = 60

export function Device({ peerId }: { readonly peerId: string }) {
  const w = useWords()
  const on = ['peer.', 'mesh.', 'manifest.']
  const members = useUnit('mesh.members', {}, { on })
  const peers = useUnit('mesh.peers', {}, { on })
  const mesh = useUnit('mesh.show', {}, { on: ['mesh.'] })
  const member = members.data?.items.find(item => item.peer_id === peerId)
  const peer = peers.data?.items.find(item => item.peer_id === peerId)
  if (members.data === undefined) return members.error ? <Failure error={members.error} /> : <Waiting />
  return (
    <Screen title={member?.name ?? peerId.slice(-8)} actions={<a href={linkTo('mesh')}>{w.screens.mesh}</a>}>
      {member === undefined ? (
        <Card>{w.device.unknown}</Card>
      ) : (
        <>
          <Card title={w.device.place}>
            <div class="grid">
              <Stat label={w.mesh.role} value={w.mesh.roles[member.role]} />
              <Stat
                label={w.mesh.state}
                value={
                  <Badge tone={member.self || peer ? 'good' : 'plain'}>
                    {member.self ? w.mesh.self : peer ? w.mesh.online : w.mesh.offline}
                  </Badge>
                }
              />
              {peer && (
                <Stat
                  label={w.mesh.path}
                  value={peer.path === 'relayed' ? w.mesh.relayed : w.mesh.direct}
                  note={<Text of={peer.address} />}
                />
              )}
              {peer?.rtt_ms != null && <Stat label={w.mesh.roundTrip} value={duration(peer.rtt_ms)} />}
            </div>
            <p class="dim">
              <code>{peerId}</code>
            </p>
          </Card>
          {(member.self || peer) && <Hardware peer={member.self ? undefined : peerId} />}
          {(member.self || peer) && <Load peer={member.self ? undefined : peerId} />}
          {peer && <Offers items={peer.capabilities} />}
          {(member.self || peer) && mesh.data && (
            <Serving
              peer={member.self ? undefined : peerId}
              mayChange={member.self || mesh.data.role === 'admin'}
            />
          )}
          {mesh.data && !member.self && <Remove member={member} mesh={mesh.data} />}
        </>
      )}
    </Screen>
  )
}

function Remove({ member, mesh }: { readonly member: Member; readonly mesh: Mesh }) {
  const w = useWords()
  const [asks, setAsks] = useState(false)
  const may = mayRemove(member, mesh)
  return (
    <Card
      title={w.device.removal}
      actions={
        may && (
          <Button unit="mesh.revoke" look="danger" onPress={() => setAsks(true)}>
            {w.people.removeOf(member.name)}
          </Button>
        )
      }
    >
      <p class="dim">{may ? w.device.removalMeans : w.device.mayNotRemove}</p>
      {asks && <Removal member={member} onClose={() => setAsks(false)} onRemoved={() => goTo('mesh')} />}
    </Card>
  )
}

function Hardware({ peer }: { readonly peer: string | undefined }) {
  const w = useWords()
  const { data, error } = useUnit('mesh.status', {}, { peer })
  if (data === undefined)
    return <Card title={w.device.hardware}>{error ? <Failure error={error} /> : <Waiting />}</Card>
  const { hardware } = data
  return (
    <Card title={w.device.hardware}>
      <div class="grid">
        <Stat
          label={w.device.processor}
          value={<Text of={hardware.cpu} />}
          note={w.device.cores(hardware.cores)}
        />
        <Stat label={w.device.memory} value={bytes(hardware.memory_bytes)} />
        <Stat label={w.device.system} value={`${hardware.platform} ${hardware.arch}`} />
        <Stat
          label={w.device.accelerators}
          value={hardware.accelerators.length > 0 ? <Text of={hardware.accelerators.join(', ')} /> : '–'}
        />
        <Stat
          label={w.mesh.software}
          value={data.version}
          note={w.device.up(duration(data.uptime_s * 1000))}
        />
        <Stat
          label={w.device.requests}
          value={number(data.requests.running)}
          note={w.device.waiting(data.requests.queued)}
        />
      </div>
      {data.yielding.length > 0 && <Badge tone="warn">{w.device.yielding}</Badge>}
    </Card>
  )
}

/** Measured while the screen is open; what was measured before is in no list. */
function Load({ peer }: { readonly peer: string | undefined }) {
  const w = useWords()
  const { data, error } = useUnit('device.metrics', {}, { peer, everyMs: MEASURED_EVERY_MS })
  const last = useRef(data)
  const [history, setHistory] = useState<readonly number[]>([])
  useEffect(() => {
    if (data === undefined || data === last.current) return
    last.current = data
    if (data.utilization !== null) setHistory(before => [...before, data.utilization!].slice(-KEPT))
  }, [data])
  if (data === undefined)
    return <Card title={w.device.load}>{error ? <Failure error={error} /> : <Waiting />}</Card>
  return (
    <Card title={w.device.load}>
      <div class="grid">
        <Stat
          label={w.device.busy}
          value={data.utilization === null ? '–' : percent(data.utilization)}
          note={<Spark values={history} max={1} label={w.device.history} />}
        />
        <Stat
          label={w.device.memory}
          value={data.memory_used === null ? '–' : bytes(data.memory_used)}
          note={data.memory_total === null ? undefined : w.device.of(bytes(data.memory_total))}
        />
        <Stat
          label={w.device.temperature}
          value={data.temperature === null ? '–' : `${number(data.temperature)} °C`}
        />
        <Stat label={w.device.power} value={data.power === null ? '–' : `${number(data.power, 1)} W`} />
      </div>
    </Card>
  )
}

interface Offer {
  readonly model: string
  readonly task: string
  readonly slots: number
  readonly warm: boolean
}

function Offers({ items }: { readonly items: readonly Offer[] }) {
  const w = useWords()
  return (
    <Card title={w.device.offers}>
      {items.length === 0 && <p class="dim">{w.device.offersNothing}</p>}
      <ul class="plain-list">
        {items.map(({ model, task, slots, warm }) => (
          <li key={`${task} ${model}`} class="row">
            <a href={linkTo('models', model)}>
              <Text of={model} />
            </a>
            <span class="dim">{task}</span>
            <Badge tone={warm ? 'good' : 'plain'}>{warm ? w.device.warm : w.device.cold}</Badge>
            <span class="dim">{w.device.slots(slots)}</span>
          </li>
        ))}
      </ul>
    </Card>
  )
}
