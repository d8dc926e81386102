/** The members of the mesh, what each is in it, and what this node may change. */

import { useState } from 'preact/hooks'
import { ago, dateTime } from '../format.ts'
import { call, type Output } from '../node.ts'
import { Badge, Button, Card } from '../parts/basics.tsx'
import { Confirm } from '../parts/dialog.tsx'
import { note } from '../parts/notes.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Text } from '../parts/text.tsx'
import { linkTo } from '../router.ts'
import { useWords, type Words } from '../words/index.ts'

export type Member = Output<'mesh.members'>['items'][number]
export type Mesh = Output<'mesh.show'>
/** A certificate is renewed long before; one that ends so soon has met no admin for weeks. */
const SOON_MS = 7 * 86_400_000

interface Asked {
  readonly what: 'promote' | 'remove'
  readonly member: Member
}

export function Members({ mesh, members }: { readonly mesh: Mesh; readonly members: readonly Member[] }) {
  const w = useWords()
  const [asked, setAsked] = useState<Asked>()
  const close = () => setAsked(undefined)
  return (
    <Card title={w.people.members}>
      <Table
        label={w.people.members}
        columns={columnsOf(w, mesh, setAsked)}
        rows={members}
        keyOf={member => member.peer_id}
        order="name"
      />
      {mesh.role !== 'admin' && <p class="note">{w.people.onlyAdmins}</p>}
      {asked?.what === 'promote' && <Promote member={asked.member} onClose={close} />}
      {asked?.what === 'remove' && <Removal member={asked.member} onClose={close} />}
    </Card>
  )
}

interface Question {
  readonly member: Member
  onClose(): void
}

function Promote({ member: { name, peer_id, online }, onClose }: Question) {
  const w = useWords()
  const promote = async () => {
    await call('mesh.promote', { peer: peer_id })
    note(online ? w.people.promoted(name) : w.people.promotedLater(name))
  }
  return (
    <Confirm
      title={w.people.promoteQuestion(name)}
      action={w.people.promote}
      look="main"
      onClose={onClose}
      onConfirm={promote}
    >
      <p>{w.people.promoteMeans}</p>
    </Confirm>
  )
}

/** Says what a removal does before it is done. */
export function Removal({
  member: { name, peer_id, online },
  onClose,
  onRemoved
}: Question & { onRemoved?(): void }) {
  const w = useWords()
  const remove = async () => {
    await call('mesh.revoke', { peer: peer_id })
    note(w.people.removed(name))
    onRemoved?.()
  }
  return (
    <Confirm
      title={w.people.removeQuestion(name)}
      action={w.people.remove}
      onClose={onClose}
      onConfirm={remove}
    >
      <ul>
        {w.people.removeMeans.map(line => (
          <li key={line}>{line}</li>
        ))}
        {!online && <li>{w.people.removeAway}</li>}
      </ul>
    </Confirm>
  )
}

const columnsOf = (w: Words, mesh: Mesh, ask: (asked: Asked) => void): readonly Column<Member>[] => [
  {
    ...{ key: 'name', title: w.mesh.name, sortBy: ({ name }) => name },
    cell: ({ name, peer_id, self }) => (
      <span class="row">
        <a href={linkTo('mesh', peer_id)}>
          <Text of={name} />
        </a>
        {self && <span class="dim">{w.mesh.self}</span>}
      </span>
    )
  },
  {
    ...{ key: 'role', title: w.mesh.role, sortBy: ({ role }) => role },
    cell: ({ role }) => <Badge tone={role === 'admin' ? 'info' : 'plain'}>{w.mesh.roles[role]}</Badge>
  },
  {
    ...{ key: 'state', title: w.mesh.state, sortBy: ({ online }) => Number(!online) },
    cell: ({ online, duplicated }) => (
      <Badge tone={duplicated ? 'bad' : online ? 'good' : 'plain'}>
        {duplicated ? w.mesh.duplicated : online ? w.mesh.online : w.mesh.offline}
      </Badge>
    )
  },
  {
    ...{ key: 'until', title: w.people.until, sortBy: member => member.expires_at_ms },
    cell: ({ expires_at_ms }) => (
      <span class="row">
        <time dateTime={new Date(expires_at_ms).toISOString()}>{dateTime(expires_at_ms)}</time>
        {expires_at_ms < Date.now() + SOON_MS && <Badge tone="warn">{ago(expires_at_ms)}</Badge>}
      </span>
    )
  },
  {
    ...{ key: 'change', title: w.people.change, align: 'end' },
    cell: member => <Changes member={member} mesh={mesh} ask={ask} />
  }
]

/** Admins remove members, and the holder of the root key removes admins. */
export const mayRemove = ({ self, role }: Member, mesh: Mesh): boolean =>
  !self && (mesh.holds_root || (mesh.role === 'admin' && role !== 'admin'))

function Changes({ member, mesh, ask }: { member: Member; mesh: Mesh; ask(asked: Asked): void }) {
  const w = useWords()
  const { self, role, name } = member
  const removes = mayRemove(member, mesh)
  const mayPromote = !self && mesh.holds_root && role !== 'admin'
  if (!removes && !mayPromote) return <span class="dim">–</span>
  return (
    <span class="row end">
      {mayPromote && (
        <Button
          unit="mesh.promote"
          aria-label={w.people.promoteOf(name)}
          onPress={() => ask({ what: 'promote', member })}
        >
          {w.people.promote}
        </Button>
      )}
      {removes && (
        <Button
          unit="mesh.revoke"
          look="danger"
          aria-label={w.people.removeOf(name)}
          onPress={() => ask({ what: 'remove', member })}
        >
          {w.people.remove}
        </Button>
      )}
    </span>
  )
}
