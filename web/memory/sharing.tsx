/** The rights of devices in a space, and which devices have it. */

import { useState } from 'preact/hooks'
import { useUnit } from '../live.ts'
import { call } from '../node.ts'
import { Badge, Button, Card, Field, Select } from '../parts/basics.tsx'
import { Confirm, Dialog } from '../parts/dialog.tsx'
import { attempt } from '../parts/notes.tsx'
import { Text } from '../parts/text.tsx'
import { linkTo } from '../router.ts'
import { useWords, type Words } from '../words/index.ts'
import type { SpaceStatus } from './space.tsx'

type Grant = SpaceStatus['grants'][number]
type Right = SpaceStatus['right']

const ROLES = ['admin', 'member', 'edge', 'guest'] as const
/** `own` is given to devices only. */
const RIGHTS: readonly Right[] = ['carry', 'read', 'write', 'own']

const nameOf = (w: Words, { role, name, peer_id }: Grant): string =>
  role ? w.memory.roles[role as (typeof ROLES)[number]] : (name ?? `…${peer_id?.slice(-8)}`)

export function Sharing({ space, reload }: { readonly space: SpaceStatus; reload(): void }) {
  const w = useWords()
  const [asked, ask] = useState<{ share: true } | { unshare: Grant } | { exclude: Grant }>()
  const owns = space.right === 'own'
  const close = () => ask(undefined)
  const share = (
    <Button unit="memory.share" onPress={() => ask({ share: true })}>
      {w.memory.share}
    </Button>
  )
  return (
    <Card title={w.memory.sharing} actions={owns && share}>
      {space.grants.length === 0 && <p class="dim">{owns ? w.memory.privateNote : w.memory.grantsUnknown}</p>}
      <ul class="plain-list rows">
        {space.grants.map(grant => (
          <li key={grant.peer_id ?? grant.role}>
            <span class="row">
              {grant.peer_id ? (
                <a href={linkTo('mesh', grant.peer_id)}>
                  <Text of={nameOf(w, grant)} />
                </a>
              ) : (
                nameOf(w, grant)
              )}
              <Badge tone={grant.right === 'own' ? 'info' : 'plain'}>{w.memory.rights[grant.right]}</Badge>
            </span>
            {owns && (
              <span class="row">
                <Button
                  unit="memory.unshare"
                  onPress={() => ask({ unshare: grant })}
                  aria-label={w.memory.unshareOf(nameOf(w, grant))}
                >
                  {w.memory.unshare}
                </Button>
                {grant.peer_id && (
                  <Button
                    unit="memory.exclude"
                    onPress={() => ask({ exclude: grant })}
                    aria-label={w.memory.excludeOf(nameOf(w, grant))}
                  >
                    {w.memory.exclude}
                  </Button>
                )}
              </span>
            )}
          </li>
        ))}
      </ul>
      <Having space={space} />
      {asked && 'share' in asked && <Share space={space} onClose={close} reload={reload} />}
      {asked && 'unshare' in asked && (
        <Confirm
          title={w.memory.unshareOf(nameOf(w, asked.unshare))}
          action={w.memory.unshare}
          onClose={close}
          onConfirm={() => take('memory.unshare', space, asked.unshare).then(reload)}
        >
          <p>{w.memory.unshareNote}</p>
        </Confirm>
      )}
      {asked && 'exclude' in asked && (
        <Confirm
          title={w.memory.excludeOf(nameOf(w, asked.exclude))}
          action={w.memory.exclude}
          onClose={close}
          onConfirm={() => take('memory.exclude', space, asked.exclude).then(reload)}
        >
          <p>{w.memory.excludeNote}</p>
        </Confirm>
      )}
    </Card>
  )
}

function take(unit: 'memory.unshare' | 'memory.exclude', { name: space }: SpaceStatus, grant: Grant) {
  if (unit === 'memory.exclude') return call(unit, { space, peer: grant.peer_id ?? '' })
  return call(unit, grant.peer_id ? { space, peer: grant.peer_id } : { space, role: grant.role as 'member' })
}

/** Connected devices that have the space, and how far they are. */
function Having({ space }: { readonly space: SpaceStatus }) {
  const w = useWords()
  if (space.grants.length === 0 && space.peers.length === 0) return null
  return (
    <>
      <h3>{w.memory.elsewhere}</h3>
      {space.peers.length === 0 && <p class="dim">{w.memory.nobodyHas}</p>}
      <ul class="plain-list rows">
        {space.peers.map(({ peer_id, name, in_step }) => (
          <li key={peer_id}>
            <a href={linkTo('mesh', peer_id)}>
              <Text of={name ?? `…${peer_id.slice(-8)}`} />
            </a>
            <Badge tone={in_step ? 'good' : 'warn'}>{in_step ? w.memory.inStep : w.memory.behind}</Badge>
          </li>
        ))}
      </ul>
    </>
  )
}

function Share({ space, onClose, reload }: { space: SpaceStatus; onClose(): void; reload(): void }) {
  const w = useWords()
  const { data } = useUnit('mesh.members', {}, { on: ['mesh.'] })
  const others = data?.items.filter(({ self }) => !self) ?? []
  const [to, setTo] = useState('')
  const [right, setRight] = useState<Right>('read')
  const chosen = to || (others[0] ? `peer:${others[0].peer_id}` : 'role:member')
  const isRole = chosen.startsWith('role:')
  const given = isRole && right === 'own' ? 'write' : right
  const share = async () => {
    const name = chosen.slice(chosen.indexOf(':') + 1)
    const whom = isRole ? { role: name as (typeof ROLES)[number] } : { peer: name }
    if (
      !(await attempt(
        () => call('memory.share', { space: space.name, right: given, ...whom }),
        w.memory.isShared
      ))
    )
      return
    reload()
    onClose()
  }
  return (
    <Dialog title={w.memory.shareWith} onClose={onClose}>
      <Field label={w.memory.whom} note={isRole ? w.memory.roleNote : undefined}>
        {id => (
          <Select
            id={id}
            value={chosen}
            options={[
              ...others.map(({ peer_id, name }) => [`peer:${peer_id}`, name] as const),
              ...ROLES.map(role => [`role:${role}`, w.memory.roles[role]] as const)
            ]}
            onChange={setTo}
          />
        )}
      </Field>
      <Field label={w.memory.right} note={w.memory.rightNotes[given]}>
        {id => (
          <Select
            id={id}
            value={given}
            options={RIGHTS.filter(right => !isRole || right !== 'own').map(
              right => [right, w.memory.rights[right]] as const
            )}
            onChange={right => setRight(right as Right)}
          />
        )}
      </Field>
      <div class="row end">
        <Button onPress={onClose}>{w.common.cancel}</Button>
        <Button look="main" onPress={share}>
          {w.memory.share}
        </Button>
      </div>
    </Dialog>
  )
}
