/** What this node lacks and how to mend it, whether it answers others, and its log. */

import { Findings } from '../doctor/findings.tsx'
import { Log } from '../doctor/log.tsx'
import { Serving } from '../doctor/serving.tsx'
import { useUnit } from '../live.ts'
import { useMay } from '../may.ts'
import { Button, Card, Failure, Screen, Waiting } from '../parts/basics.tsx'
import { useWords } from '../words/index.ts'

/** Disks fill and peers leave without an event. */
const CHECKED_EVERY_MS = 60_000

export function Doctor() {
  const w = useWords()
  const mayReadLog = useMay('log.tail')
  const { data, error, reload } = useUnit(
    'doctor.check',
    {},
    { on: ['peer.', 'mesh.', 'node.', 'engine.'], everyMs: CHECKED_EVERY_MS }
  )
  return (
    <Screen
      title={w.screens.doctor}
      actions={
        <Button look="main" onPress={reload}>
          {w.doctor.again}
        </Button>
      }
    >
      <Failure error={error} retry={reload} />
      {data ? (
        <Findings items={data.items} onMended={reload} />
      ) : (
        !error && (
          <Card>
            <Waiting />
          </Card>
        )
      )}
      <Serving onChange={reload} />
      {mayReadLog && <Log />}
    </Screen>
  )
}
