/** What the node lacks, the worst first, each with what to do about it; then what is in order. */

import { useState } from 'preact/hooks'
import { call, type Output } from '../node.ts'
import { Badge, Button, Card, type Tone } from '../parts/basics.tsx'
import { Command } from '../parts/command.tsx'
import { Confirm } from '../parts/dialog.tsx'
import { note } from '../parts/notes.tsx'
import { Sentence } from '../parts/sentence.tsx'
import { Text } from '../parts/text.tsx'
import { linkTo } from '../router.ts'
import { useWords } from '../words/index.ts'

export type Finding = Output<'doctor.check'>['items'][number]
const TONES: Readonly<Record<Finding['status'], Tone>> = { fail: 'bad', warn: 'warn', ok: 'good' }

export function Findings({ items, onMended }: { readonly items: readonly Finding[]; onMended(): void }) {
  const w = useWords()
  const of = (status: Finding['status']) => items.filter(item => item.status === status)
  const wrong = [...of('fail'), ...of('warn')]
  const fine = of('ok')
  return (
    <>
      <Card title={w.doctor.toMend} actions={<Summary items={items} />}>
        {wrong.length === 0 && <p>{w.doctor.allFine}</p>}
        <ul class="findings">
          {wrong.map(finding => (
            <Wrong key={`${finding.check} ${finding.message}`} finding={finding} onMended={onMended} />
          ))}
        </ul>
      </Card>
      <Card title={w.doctor.inOrder}>
        <ul class="findings fine">
          {fine.map(finding => (
            <li key={`${finding.check} ${finding.message}`}>
              <Name of={finding} />
              <span>
                <Found of={finding} />
              </span>
            </li>
          ))}
        </ul>
      </Card>
    </>
  )
}

function Summary({ items }: { readonly items: readonly Finding[] }) {
  const w = useWords()
  const counted = (['fail', 'warn', 'ok'] as const).map(
    status => [status, items.filter(item => item.status === status).length] as const
  )
  return (
    <>
      {counted.map(
        ([status, count]) =>
          count > 0 && (
            <Badge key={status} tone={TONES[status]}>
              {w.doctor.counted[status](count)}
            </Badge>
          )
      )}
    </>
  )
}

const Found = ({ of: { check, status, message } }: { readonly of: Finding }) => (
  <Sentence own={message} code={`${check}.${status}`} kind="findings" />
)

const Name = ({ of: { check, status } }: { readonly of: Finding }) => {
  const w = useWords()
  const names: Readonly<Record<string, string>> = w.doctor.checks
  return (
    <span class="finding-name">
      <Badge tone={TONES[status]}>{w.doctor.status[status]}</Badge>
      <strong>{names[check] ?? check}</strong>
    </span>
  )
}

function Wrong({ finding, onMended }: { readonly finding: Finding; onMended(): void }) {
  const { fix } = finding
  return (
    <li>
      <Name of={finding} />
      <div class="finding-body">
        <p>
          <Found of={finding} />
        </p>
        {fix !== null && <Fix of={fix} />}
        <Mend finding={finding} onMended={onMended} />
      </div>
    </li>
  )
}

/** A command at the end of the words is shown as one, to be copied. */
function Fix({ of }: { readonly of: string }) {
  const [, words, command] = /^(.*?)(?:^|: )((?:lumos-node|chmod|sudo) .*)$/s.exec(of) ?? [undefined, of]
  return (
    <>
      <p class="dim" lang="en">
        <Text of={command === undefined ? words : words === '' ? '' : `${words}:`} />
      </p>
      {command !== undefined && <Command of={command} />}
    </>
  )
}

/** What the page can do about it. Each unit that needs an input of a person has a screen for that. */
function Mend({
  finding: { check, unit, message },
  onMended
}: {
  readonly finding: Finding
  onMended(): void
}) {
  const w = useWords()
  const [asks, setAsks] = useState(false)
  if (unit === 'config.set') {
    return <a href={linkTo('settings', 'swarm.mdns')}>{w.doctor.openSetting}</a>
  }
  if (check === 'mesh') return <a href={linkTo('people')}>{w.doctor.openPeople}</a>
  if (unit !== 'node.undrain') return null
  const mend = async () => {
    await call('node.undrain', {})
    note(w.doctor.undrained)
    onMended()
  }
  return (
    <div>
      <Button unit="node.undrain" look="main" onPress={() => setAsks(true)}>
        {w.doctor.undrain}
      </Button>
      {asks && (
        <Confirm
          title={w.doctor.undrainQuestion}
          action={w.doctor.undrain}
          look="main"
          onClose={() => setAsks(false)}
          onConfirm={mend}
        >
          <p>
            <Text of={message} />
          </p>
          <p>{w.doctor.undrainMeans}</p>
        </Confirm>
      )}
    </div>
  )
}
