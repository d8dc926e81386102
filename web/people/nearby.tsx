/** Devices of the local network that ask to be let in. */

import { useState } from 'preact/hooks'
import { duration } from '../format.ts'
import { useUnit } from '../live.ts'
import { call, type Output } from '../node.ts'
import { Button, Card, Field, Select } from '../parts/basics.tsx'
import { Command } from '../parts/command.tsx'
import { attempt } from '../parts/notes.tsx'
import { Text } from '../parts/text.tsx'
import { useWords } from '../words/index.ts'
import { useTimeLeft } from './invite.tsx'
import { Phrase } from './phrase.tsx'
import { type Role, rolesOf } from './roles.ts'

type Request = Output<'mesh.requests'>['items'][number]

/** One that gave up is in the list no more; no event tells. */
const CHECKED_EVERY_MS = 5_000

export function Nearby({ holdsRoot }: { readonly holdsRoot: boolean }) {
  const w = useWords()
  const [untilMs, setUntilMs] = useState(0)
  const left = useTimeLeft(untilMs)
  const { data, reload } = useUnit('mesh.requests', {}, { on: ['mesh.'], everyMs: CHECKED_EVERY_MS })
  const requests = data?.items ?? []
  const listen = () =>
    attempt(async () => {
      const { until_ms } = await call('mesh.listen', {})
      setUntilMs(until_ms)
      reload()
    })
  return (
    <Card title={w.people.nearby} actions={left === 0 && <Button onPress={listen}>{w.people.listen}</Button>}>
      {requests.map(request => (
        <Asks key={request.peer_id} request={request} holdsRoot={holdsRoot} onDecided={reload} />
      ))}
      {left > 0 ? (
        <>
          <p role="status">{w.people.listening}</p>
          <p class="dim">{w.people.listensFor(duration(left))}</p>
          <Command of="lumos-node join --nearby" />
        </>
      ) : (
        requests.length === 0 && <p class="dim">{w.people.listenMeans}</p>
      )}
    </Card>
  )
}

function Asks({
  request: { peer_id, name, phrase },
  holdsRoot,
  onDecided
}: {
  readonly request: Request
  readonly holdsRoot: boolean
  onDecided(): void
}) {
  const w = useWords()
  const [role, setRole] = useState<Role>('member')
  const decide = async (work: () => Promise<unknown>, done: string) => {
    await attempt(work, done)
    onDecided()
  }
  return (
    <section class="asks" aria-label={w.people.asks(name)}>
      <h3>
        <Text of={w.people.asks(name)} />
      </h3>
      <p>{w.people.compareFirst}</p>
      <Phrase of={phrase} />
      <div class="row">
        <Field label={w.people.asRole}>
          {id => (
            <Select id={id} value={role} options={rolesOf(holdsRoot, w)} onChange={r => setRole(r as Role)} />
          )}
        </Field>
      </div>
      <p class="note">{w.people.roleMeans[role]}</p>
      <div class="row">
        <Button
          look="main"
          onPress={() => decide(() => call('mesh.approve', { peer: peer_id, role }), w.people.approved(name))}
        >
          {w.people.approve}
        </Button>
        <Button
          look="danger"
          onPress={() => decide(() => call('mesh.deny', { peer: peer_id }), w.people.denied(name))}
        >
          {w.people.deny}
        </Button>
      </div>
    </section>
  )
}
