/** A code for one device: chosen, shown, and what became of it. */

import { useEffect, useState } from 'preact/hooks'
import { duration } from '../format.ts'
import { useEvents } from '../live.ts'
import { call, type Output } from '../node.ts'
import { Button, Failure, Field, Select } from '../parts/basics.tsx'
import { Command, Copy } from '../parts/command.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { attempt } from '../parts/notes.tsx'
import { Text } from '../parts/text.tsx'
import { useWords } from '../words/index.ts'
import { Phrase } from './phrase.tsx'
import { Qr } from './qr.tsx'
import { type Role, rolesOf } from './roles.ts'

type Invitation = Output<'mesh.invite'>
interface Used {
  readonly peer_id: string
  readonly name: string
  readonly role: Role
  readonly phrase: string
}

export function Invite({ holdsRoot, onClose }: { readonly holdsRoot: boolean; onClose(): void }) {
  const w = useWords()
  const [role, setRole] = useState<Role>('member')
  const [invitation, setInvitation] = useState<Invitation>()
  const [used, setUsed] = useState<Used>()
  const [error, setError] = useState<unknown>()
  useEvents(event => {
    if (invitation && event.type === 'event' && event.name === 'mesh.invite_used') setUsed(event.data as Used)
  })
  const make = async () => {
    try {
      setInvitation(await call('mesh.invite', { role }))
      setError(undefined)
    } catch (err) {
      setError(err)
    }
  }

  return (
    <Dialog title={w.people.invite} onClose={onClose}>
      {used ? (
        <Arrived used={used} onClose={onClose} />
      ) : invitation ? (
        <Code invitation={invitation} onClose={onClose} />
      ) : (
        <>
          <p>{w.people.inviteHow}</p>
          <Field label={w.people.asRole} note={w.people.roleMeans[role]}>
            {id => (
              <Select
                id={id}
                value={role}
                options={rolesOf(holdsRoot, w)}
                onChange={name => setRole(name as Role)}
              />
            )}
          </Field>
          <Failure error={error} />
          <div class="row end">
            <Button onPress={onClose}>{w.common.cancel}</Button>
            <Button look="main" onPress={make}>
              {w.people.makeCode}
            </Button>
          </div>
        </>
      )}
    </Dialog>
  )
}

function Code({ invitation, onClose }: { readonly invitation: Invitation; onClose(): void }) {
  const w = useWords()
  const left = useTimeLeft(invitation.expires_at_ms)
  const { code, left_out } = invitation
  return (
    <>
      {left === 0 ? (
        <p>{w.people.expired}</p>
      ) : (
        <>
          <p>{w.people.codeFor(w.mesh.roles[invitation.role], duration(left))}</p>
          <div class="qr-frame">
            {/* In capitals a code takes less room, and means the same. */}
            <Qr of={code.toUpperCase()} label={w.people.qr} />
            <Copy of={code} words={w.people.copyCode} />
          </div>
          <p class="note">{w.people.typeThere}</p>
          <Command of={`lumos-node join ${code}`} />
          {left_out.length > 0 && <p class="note">{w.people.leftOut(left_out.join(', '))}</p>}
          <p class="note">{w.people.codeIsSecret}</p>
          <p role="status">{w.people.waitingForUse}</p>
        </>
      )}
      <div class="row end">
        <Button onPress={onClose}>{w.common.close}</Button>
      </div>
    </>
  )
}

/** The other screen shows the same words, unless another device took the code. */
function Arrived({ used, onClose }: { readonly used: Used; onClose(): void }) {
  const w = useWords()
  const remove = async () => {
    if (await attempt(() => call('mesh.revoke', { peer: used.peer_id }), w.people.removed(used.name)))
      onClose()
  }
  return (
    <>
      <p role="status">
        <Text of={w.people.arrived(used.name, w.mesh.roles[used.role])} />
      </p>
      <p>{w.people.comparePhrase}</p>
      <Phrase of={used.phrase} />
      <div class="row end">
        <Button look="danger" onPress={remove}>
          {w.people.otherPhrase}
        </Button>
        <Button look="main" onPress={onClose}>
          {w.people.samePhrase}
        </Button>
      </div>
    </>
  )
}

/** Milliseconds until then, by the second. */
export function useTimeLeft(untilMs: number): number {
  const [nowMs, setNowMs] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [])
  return Math.max(0, untilMs - nowMs)
}
