/** What this node was asked: now, and before. */

import { useMemo, useState } from 'preact/hooks'
import type { ScreenProps } from '../app.tsx'
import '../requests/style.css'
import { duration, number, time } from '../format.ts'
import { Button, Card, Empty, Failure, Screen, Select, Waiting } from '../parts/basics.tsx'
import { plain, Text } from '../parts/text.tsx'
import { KEPT, type Request, stateOf, useLog } from '../requests/log.ts'
import { One } from '../requests/one.tsx'
import { Outcome } from '../requests/outcome.tsx'
import { Rate } from '../requests/rate.tsx'
import { Receipts } from '../requests/receipts.tsx'
import { type WindowColumn, WindowedTable } from '../requests/window.tsx'
import { goTo, linkTo } from '../router.ts'
import { useWords, type Words } from '../words/index.ts'

const STATES = ['running', 'answered', 'failed'] as const

export function Requests({ place }: ScreenProps) {
  return place.rest[0] === undefined ? <All /> : <One id={place.rest[0]} key={place.rest[0]} />
}

function All() {
  const w = useWords()
  const { requests, error, reload } = useLog()
  const [checks, setChecks] = useState(false)
  return (
    <Screen
      title={w.screens.requests}
      actions={
        <Button unit="inference.verify" onPress={() => setChecks(true)}>
          {w.requests.checkReceipts}
        </Button>
      }
    >
      {checks && <Receipts onClose={() => setChecks(false)} />}
      <Failure error={error} retry={reload} />
      {requests === undefined ? (
        !error && <Waiting />
      ) : requests.length === 0 ? (
        <Card>
          <Empty title={w.requests.none}>
            <p>{w.requests.noneNote}</p>
            <div class="row">
              <a href={linkTo('chat')}>{w.screens.chat}</a>
              <a href={linkTo('playground')}>{w.screens.playground}</a>
            </div>
          </Empty>
        </Card>
      ) : (
        <>
          <Rate requests={requests} />
          <List requests={requests} />
        </>
      )}
    </Screen>
  )
}

function List({ requests }: { requests: readonly Request[] }) {
  const w = useWords()
  const [state, setState] = useState('')
  const [model, setModel] = useState('')
  const models = useMemo(
    () => [...new Set(requests.flatMap(request => request.model ?? []))].sort(),
    [requests]
  )
  const shown = useMemo(
    () =>
      requests.filter(
        request => (state === '' || stateOf(request) === state) && (model === '' || request.model === model)
      ),
    [requests, state, model]
  )
  return (
    <Card
      title={w.requests.list}
      actions={
        <>
          <Select
            aria-label={w.requests.outcome}
            value={state}
            options={[
              ['', w.requests.anyOutcome],
              ...STATES.map(name => [name, w.requests.states[name]] as const)
            ]}
            onChange={setState}
          />
          <Select
            aria-label={w.requests.model}
            value={model}
            options={[['', w.requests.allModels], ...models.map(name => [name, plain(name)] as const)]}
            onChange={setModel}
          />
        </>
      }
    >
      <p class="note" role="status">
        {w.requests.count(number(shown.length), number(requests.length))} {w.requests.keptNote}
        {requests.length >= KEPT && ` ${w.requests.fullNote(number(KEPT))}`}
      </p>
      {shown.length === 0 ? (
        <p>{w.requests.noneLikeThat}</p>
      ) : (
        <WindowedTable
          key={`${state} ${model}`}
          label={w.requests.list}
          columns={columnsOf(w)}
          rows={shown}
          keyOf={({ request_id }) => request_id}
          onOpen={({ request_id }) => goTo('requests', request_id)}
        />
      )}
    </Card>
  )
}

const columnsOf = ({ requests: w }: Words): readonly WindowColumn<Request>[] => [
  {
    ...{ key: 'when', title: w.when },
    cell: ({ at_ms, request_id }) => <a href={linkTo('requests', request_id)}>{time(at_ms)}</a>
  },
  { key: 'outcome', title: w.outcome, cell: ({ outcome }) => <Outcome of={outcome} /> },
  {
    ...{ key: 'model', title: w.model },
    cell: ({ model, task }) => (
      <>
        <Text of={model ?? w.anyModel} /> <span class="dim">{task}</span>
      </>
    )
  },
  {
    key: 'device',
    title: w.device,
    cell: ({ name, peer_id }) => <Text of={name ?? peer_id?.slice(-8) ?? '–'} />
  },
  {
    ...{ key: 'tries', title: w.tries, align: 'end' },
    cell: ({ attempts }) => (attempts === 0 ? '–' : number(attempts))
  },
  {
    ...{ key: 'first', title: w.first, align: 'end' },
    cell: ({ first_chunk_ms }) => (first_chunk_ms === null ? '–' : duration(first_chunk_ms))
  },
  {
    ...{ key: 'took', title: w.took, align: 'end' },
    cell: ({ duration_ms }) => (duration_ms === null ? '–' : duration(duration_ms))
  }
]
