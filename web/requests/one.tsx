/** One request: what could be asked, what was, and when. */

import { useState } from 'preact/hooks'
import { dateTime, duration, number } from '../format.ts'
import { useUnit } from '../live.ts'
import { Badge, Button, Card, Empty, Failure, Screen, Stat, Waiting } from '../parts/basics.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Text } from '../parts/text.tsx'
import { goTo, linkTo } from '../router.ts'
import { useWords, type Words } from '../words/index.ts'
import { useLog } from './log.ts'
import { Outcome } from './outcome.tsx'
import { Receipts } from './receipts.tsx'
import { type Routed, Timeline } from './timeline.tsx'

/** No event tells that a further device was asked. */
const RUNNING_MS = 500

export function One({ id }: { id: string }) {
  const w = useWords()
  const [isDone, setDone] = useState(false)
  const [checks, setChecks] = useState(false)
  const { data, error, reload } = useUnit('inference.explain', { id }, isDone ? {} : { everyMs: RUNNING_MS })
  const { requests } = useLog()
  const members = useUnit('mesh.members', {}, { on: ['mesh.'] })
  const request = data?.request
  const line = requests?.find(({ request_id }) => request_id === id)
  if (!isDone && (request?.outcome || error)) setDone(true)

  const nameOf = (peerId: string) =>
    request?.candidates.find(({ peer_id }) => peer_id === peerId)?.name ??
    members.data?.items.find(({ peer_id }) => peer_id === peerId)?.name ??
    peerId.slice(-8)
  return (
    <Screen
      title={w.requests.one}
      actions={
        <>
          <a href={linkTo('requests')}>{w.screens.requests}</a>
          <Button onPress={() => setChecks(true)}>{w.requests.checkReceipts}</Button>
        </>
      }
    >
      {checks && <Receipts onClose={() => setChecks(false)} />}
      {isNotFound(error) ? (
        <Card>
          <Empty title={w.requests.unknown}>
            <p>{w.requests.keptNote}</p>
            <Button onPress={() => goTo('requests')}>{w.requests.toAll}</Button>
          </Empty>
        </Card>
      ) : (
        <Failure error={error} retry={reload} />
      )}
      {!request && !error && <Waiting />}
      {request && (
        <>
          <Card title={w.requests.what}>
            <div class="grid">
              <Stat label={w.requests.outcome} value={<Outcome of={request.outcome} />} />
              {line && (
                <Stat
                  label={w.requests.model}
                  value={<Text of={line.model ?? w.requests.anyModel} />}
                  note={line.task}
                />
              )}
              {line && <Stat label={w.requests.when} value={dateTime(line.at_ms)} />}
              <Stat
                label={w.requests.took}
                value={request.duration_ms === null ? '–' : duration(request.duration_ms)}
                note={
                  line?.first_chunk_ms == null
                    ? undefined
                    : w.requests.firstAfter(duration(line.first_chunk_ms))
                }
              />
              <Stat label={w.requests.policy} value={w.requests.policies[request.policy]} />
            </div>
            <p class="dim">
              <code>{id}</code>
            </p>
          </Card>
          <Card title={w.requests.course}>
            {request.attempts.length === 0 ? (
              <p>{w.requests.notAsked}</p>
            ) : (
              <Timeline
                request={request}
                nameOf={nameOf}
                elapsedMs={line === undefined ? 0 : Date.now() - line.at_ms}
              />
            )}
          </Card>
          <Candidates request={request} />
        </>
      )}
    </Screen>
  )
}

const isNotFound = (error: unknown): boolean =>
  (error as { code?: string } | undefined)?.code === 'REQUEST_NOT_FOUND'

function Candidates({ request: { candidates, more } }: { request: Routed }) {
  const w = useWords()
  return (
    <Card title={w.requests.candidates}>
      <p class="note">{w.requests.candidatesNote}</p>
      {candidates.length === 0 ? (
        <p>{w.requests.noCandidates}</p>
      ) : (
        <Table
          label={w.requests.candidates}
          columns={columnsOf(w.requests)}
          rows={candidates}
          keyOf={({ peer_id }) => peer_id}
        />
      )}
      {more > 0 && <p class="dim">{w.requests.moreCandidates(more)}</p>}
    </Card>
  )
}

type Candidate = Routed['candidates'][number]
const FATES = { asked: 'good', spare: 'plain', ejected: 'bad', too_small: 'plain' } as const

const columnsOf = (w: Words['requests']): readonly Column<Candidate>[] => [
  {
    ...{ key: 'name', title: w.device },
    cell: ({ name, peer_id }) => (
      <a href={linkTo('mesh', peer_id)}>
        <Text of={name} />
      </a>
    )
  },
  { key: 'fate', title: w.fate, cell: ({ fate }) => <Badge tone={FATES[fate]}>{w.fates[fate]}</Badge> },
  {
    ...{ key: 'cost', title: w.cost, align: 'end' },
    cell: ({ cost_ms }) => (cost_ms === null ? w.unranked : duration(cost_ms))
  },
  { key: 'parts', title: w.parts, cell: ({ parts, cost_ms }) => <Parts parts={parts} whole={cost_ms ?? 0} /> }
]

/** The longest part first. */
function Parts({ parts, whole }: { parts: Candidate['parts']; whole: number }) {
  const w = useWords().requests
  return (
    <ul class="cost">
      {parts
        .toSorted((one, other) => other.ms - one.ms)
        .map(({ reason, ms }) => (
          <li key={reason}>
            <span class="cost-bar" aria-hidden="true">
              <span style={{ width: `${whole > 0 ? Math.min(100, (ms / whole) * 100) : 0}%` }} />
            </span>
            <span class="cost-ms">{ms < 1 ? `${number(ms, 1)} ms` : duration(ms)}</span>
            {/* A node of another version may have other reasons. */}
            <Text of={w.reasons[reason as keyof typeof w.reasons] ?? reason} />
          </li>
        ))}
    </ul>
  )
}
