/** Receipts: whether devices of this mesh signed an answer. */

import { useState } from 'preact/hooks'
import { dateTime } from '../format.ts'
import { call, type Output } from '../node.ts'
import { Badge, Button, Failure, Field } from '../parts/basics.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Text } from '../parts/text.tsx'
import { useWords } from '../words/index.ts'

type Verdict = Output<'inference.verify'>

export function Receipts({ onClose }: { onClose(): void }) {
  const w = useWords()
  const [text, setText] = useState('')
  const [answer, setAnswer] = useState('')
  const [verdict, setVerdict] = useState<Verdict | undefined>()
  const [error, setError] = useState<unknown>()
  // Lines, or the list as it stands in JSON.
  const receipts = text.split(/[\s,"[\]]+/).filter(part => part !== '')
  const check = async () => {
    try {
      setVerdict(await call('inference.verify', { receipts, ...(answer && { answer }) }))
      setError(undefined)
    } catch (err) {
      setVerdict(undefined)
      setError(err)
    }
  }
  return (
    <Dialog title={w.requests.checkReceipts} onClose={onClose}>
      <p class="note">{w.requests.receiptsNote}</p>
      <Field label={w.requests.receipts}>
        {id => (
          <textarea
            {...{ id, rows: 4, value: text, spellcheck: false }}
            onInput={event => setText(event.currentTarget.value)}
          />
        )}
      </Field>
      <Field label={w.requests.answerText} note={w.requests.answerNote}>
        {id => (
          <textarea
            {...{ id, rows: 3, value: answer }}
            onInput={event => setAnswer(event.currentTarget.value)}
          />
        )}
      </Field>
      <Failure error={error} />
      <div aria-live="polite">{verdict && <Shown verdict={verdict} />}</div>
      <div class="row end">
        <Button onPress={onClose}>{w.common.close}</Button>
        <Button look="main" disabled={receipts.length === 0} onPress={check}>
          {w.requests.check}
        </Button>
      </div>
    </Dialog>
  )
}

function Shown({ verdict: { ok, checked, receipts, problems } }: { verdict: Verdict }) {
  const w = useWords().requests
  return (
    <div class="verdict">
      <Badge tone={ok ? 'good' : 'bad'}>{ok ? w.genuine : w.notGenuine}</Badge>
      {ok && !checked.answer && <p class="note">{w.answerUnchecked}</p>}
      <ul class="plain-list">
        {receipts.map((receipt, index) => (
          <li key={index}>
            <Text of={receipt.name ?? receipt.peer_id.slice(-8)} /> · <Text of={receipt.model} /> ·{' '}
            {dateTime(receipt.at_ms)}
          </li>
        ))}
        {problems.map(({ message }, index) => (
          <li key={`problem ${index}`}>
            <Text of={message} />
          </li>
        ))}
      </ul>
    </div>
  )
}
