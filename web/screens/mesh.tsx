/** The devices of the mesh: a picture of them, or a table. */

import { useMemo, useState } from 'preact/hooks'
import type { ScreenProps } from '../app.tsx'
import { duration, number } from '../format.ts'
import { useUnit } from '../live.ts'
import { Graph } from '../mesh/graph.tsx'
import type { Shown } from '../mesh/layout.ts'
import type { Output } from '../node.ts'
import { Badge, Button, Card, Failure, Screen, Waiting } from '../parts/basics.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Text } from '../parts/text.tsx'
import { goTo, linkTo } from '../router.ts'
import { useWords, type Words } from '../words/index.ts'
import { Device } from './device.tsx'

/** Round trips change with the network, and no event tells. */
const MEASURED_EVERY_MS = 10_000

interface Row extends Shown {
  readonly role: string
  readonly software: string | null
  readonly duplicated: boolean
}

export function Mesh({ place }: ScreenProps) {
  return place.rest[0] === undefined ? <Devices /> : <Device key={place.rest[0]} peerId={place.rest[0]} />
}

function Devices() {
  const w = useWords()
  const [asTable, setAsTable] = useState(false)
  const { rows, error, reload } = useDevices()
  const online = rows?.filter(row => row.online).length ?? 0
  return (
    <Screen
      title={w.screens.mesh}
      actions={
        <>
          {rows && <span class="dim">{w.mesh.count(online, rows.length)}</span>}
          <Button onPress={() => setAsTable(!asTable)}>{asTable ? w.mesh.asPicture : w.mesh.asTable}</Button>
          <Button look="main" onPress={() => goTo('people')}>
            {w.mesh.invite}
          </Button>
        </>
      }
    >
      <Failure error={error} retry={reload} />
      {rows === undefined ? (
        !error && <Waiting />
      ) : (
        <Card>
          {!asTable && <Graph devices={rows} />}
          <div class={asTable ? '' : 'sr-only seen-by-focus'}>
            <Table
              label={w.screens.mesh}
              columns={columnsOf(w)}
              rows={rows}
              keyOf={row => row.peerId}
              order="name"
              onOpen={row => goTo('mesh', row.peerId)}
            />
          </div>
        </Card>
      )}
    </Screen>
  )
}

/** Members with what is known of their connections. */
function useDevices() {
  const on = ['peer.', 'mesh.', 'manifest.']
  const members = useUnit('mesh.members', {}, { on })
  const peers = useUnit('mesh.peers', {}, { on, everyMs: MEASURED_EVERY_MS })
  const own = useUnit('mesh.status', {}, { on: ['mesh.'] })
  const models = useUnit('model.list', {}, { on: ['model.'] })
  const rows = useMemo(() => {
    if (members.data === undefined || peers.data === undefined) return undefined
    const byId = new Map(peers.data.items.map(peer => [peer.peer_id, peer]))
    return members.data.items.map((member): Row => {
      const peer = byId.get(member.peer_id)
      return {
        ...{ peerId: member.peer_id, name: member.name, role: member.role, self: member.self },
        ...{ online: member.self || peer !== undefined, duplicated: member.duplicated },
        ...{
          rttMs: peer?.rtt_ms ?? null,
          relayed: peer?.path === 'relayed',
          models: member.self ? ofOwn(models.data, member.peer_id) : modelsIn(peer?.capabilities ?? [])
        },
        software: (member.self ? own.data?.version : peer?.software?.replace(/^lumos-node\//, '')) ?? null
      }
    })
  }, [members.data, peers.data, models.data, own.data?.version])
  const reload = () => {
    members.reload()
    peers.reload()
  }
  return { rows, error: members.error ?? peers.error, reload }
}

/** A model is offered once for each of its tasks. */
const modelsIn = (offers: readonly { readonly model: string }[]): number =>
  new Set(offers.map(({ model }) => model)).size

const ofOwn = (list: Output<'model.list'> | undefined, self: string): number =>
  modelsIn(
    (list?.items ?? [])
      .filter(({ providers }) => providers.some(({ peer_id }) => peer_id === self))
      .map(({ id }) => ({ model: id }))
  )

const columnsOf = (w: Words): readonly Column<Row>[] => [
  {
    ...{ key: 'name', title: w.mesh.name, sortBy: row => row.name },
    cell: row => (
      <a href={linkTo('mesh', row.peerId)}>
        <Text of={row.name} />
      </a>
    )
  },
  {
    ...{ key: 'state', title: w.mesh.state, sortBy: row => Number(!row.online) },
    cell: row => (
      <Badge tone={row.duplicated ? 'bad' : row.online ? 'good' : 'plain'}>
        {row.duplicated
          ? w.mesh.duplicated
          : row.self
            ? w.mesh.self
            : row.online
              ? w.mesh.online
              : w.mesh.offline}
      </Badge>
    )
  },
  {
    key: 'role',
    title: w.mesh.role,
    sortBy: row => row.role,
    cell: row => w.mesh.roles[row.role as keyof typeof w.mesh.roles]
  },
  {
    ...{ key: 'path', title: w.mesh.path },
    cell: row => (row.self || !row.online ? '–' : row.relayed ? w.mesh.relayed : w.mesh.direct)
  },
  {
    ...{
      key: 'rtt',
      title: w.mesh.roundTrip,
      align: 'end',
      sortBy: row => row.rttMs ?? Number.POSITIVE_INFINITY
    },
    cell: row => (row.rttMs === null ? '–' : duration(row.rttMs))
  },
  {
    ...{ key: 'models', title: w.mesh.models, align: 'end', sortBy: row => row.models },
    cell: row => number(row.models)
  },
  { key: 'software', title: w.mesh.software, cell: row => <Text of={row.software} /> }
]
