/** The members of the mesh, how devices come and go, and which programs and browsers may ask this node. */

import { useState } from 'preact/hooks'
import { useUnit } from '../live.ts'
import { useMay } from '../may.ts'
import { Button, Card, Failure, Screen, Waiting } from '../parts/basics.tsx'
import { Sentence } from '../parts/sentence.tsx'
import { Invite } from '../people/invite.tsx'
import { Session, Tokens } from '../people/keys.tsx'
import { Members } from '../people/members.tsx'
import { Leaving, Names } from '../people/names.tsx'
import { Nearby } from '../people/nearby.tsx'
import { useWords } from '../words/index.ts'

export function People() {
  const w = useWords()
  const mayListen = useMay('mesh.listen')
  const on = ['mesh.', 'peer.']
  const mesh = useUnit('mesh.show', {}, { on })
  const members = useUnit('mesh.members', {}, { on })
  const [invites, setInvites] = useState(false)
  const error = mesh.error ?? members.error
  const isAdmin = mesh.data?.role === 'admin'
  const reload = () => {
    mesh.reload()
    members.reload()
  }
  return (
    <Screen
      title={w.screens.people}
      actions={
        isAdmin && (
          <Button unit="mesh.invite" look="main" onPress={() => setInvites(true)}>
            {w.people.invite}
          </Button>
        )
      }
    >
      <Failure error={error} retry={reload} />
      {mesh.data === undefined || members.data === undefined ? (
        !error && <Waiting />
      ) : (
        <>
          <Advice of={mesh.data.advice} codes={mesh.data.advice_codes} />
          {isAdmin && mayListen && <Nearby holdsRoot={mesh.data.holds_root} />}
          <Members mesh={mesh.data} members={members.data.items} />
          <Names mesh={mesh.data} />
          <Tokens />
          <div class="two">
            <Leaving mesh={mesh.data} />
            <Session />
          </div>
        </>
      )}
      {invites && mesh.data && <Invite holdsRoot={mesh.data.holds_root} onClose={() => setInvites(false)} />}
    </Screen>
  )
}

function Advice({ of, codes }: { readonly of: readonly string[]; readonly codes: readonly string[] }) {
  const w = useWords()
  if (of.length === 0) return null
  return (
    <Card title={w.people.advice}>
      <ul class="plain-list">
        {of.map((words, at) => (
          <li key={words}>
            <Sentence own={words} code={codes[at]} kind="advice" />
          </li>
        ))}
      </ul>
    </Card>
  )
}
