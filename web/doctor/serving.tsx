/** Whether a device answers others, and telling it to stop. */

import { useState } from 'preact/hooks'
import { number } from '../format.ts'
import { useUnit } from '../live.ts'
import { call } from '../node.ts'
import { Badge, Button, Card, Failure, Stat, Waiting } from '../parts/basics.tsx'
import { Confirm } from '../parts/dialog.tsx'
import { attempt, note } from '../parts/notes.tsx'
import { useWords } from '../words/index.ts'

/** Of another device no event tells. */
const ELSEWHERE_EVERY_MS = 5_000

export function Serving({
  peer,
  mayChange = true,
  onChange
}: {
  /** Another device. */
  readonly peer?: string | undefined
  readonly mayChange?: boolean
  onChange?(): void
}) {
  const w = useWords()
  const live = peer === undefined ? { on: ['node.', 'inference.'] } : { peer, everyMs: ELSEWHERE_EVERY_MS }
  const { data, error, reload } = useUnit('node.status', {}, live)
  const [asks, setAsks] = useState(false)
  if (data === undefined)
    return (
      <Card title={w.doctor.serving}>{error ? <Failure error={error} retry={reload} /> : <Waiting />}</Card>
    )
  const { drained, requests } = data
  const changed = () => {
    reload()
    onChange?.()
  }
  const undrain = async () => {
    if (await attempt(() => call('node.undrain', {}, { peer }), w.doctor.undrained)) changed()
  }
  const drain = async () => {
    const { under_way } = await call('node.drain', {}, { peer })
    note(w.doctor.drained(under_way))
    changed()
  }
  return (
    <Card
      title={w.doctor.serving}
      actions={
        mayChange &&
        (drained ? (
          <Button unit="node.undrain" look="main" onPress={undrain}>
            {w.doctor.undrain}
          </Button>
        ) : (
          <Button unit="node.drain" onPress={() => setAsks(true)}>
            {w.doctor.drain}
          </Button>
        ))
      }
    >
      <div class="grid">
        <Stat
          label={w.doctor.forOthers}
          value={
            <Badge tone={drained ? 'warn' : 'good'}>{drained ? w.doctor.refuses : w.doctor.answers}</Badge>
          }
          note={drained ? w.doctor.undrainMeans : w.doctor.answersMeans}
        />
        <Stat label={w.doctor.running} value={number(requests.running)} />
        <Stat label={w.doctor.queued} value={number(requests.queued)} />
      </div>
      {!mayChange && <p class="note">{w.doctor.onlyAdminsDrain}</p>}
      {asks && (
        <Confirm
          title={w.doctor.drainQuestion}
          action={w.doctor.drain}
          onClose={() => setAsks(false)}
          onConfirm={drain}
        >
          <p>{w.doctor.drainMeans}</p>
        </Confirm>
      )}
    </Card>
  )
}
