/** Long work of this node: how far it is, what came of it, and an end to it. */

import { useMemo, useState } from 'preact/hooks'
import { ago, bytes, dateTime, duration, number } from '../format.ts'
import { useUnit } from '../live.ts'
import { call, LumosClientError, type Output } from '../node.ts'
import { Badge, Bar, Button, Card, Empty, Failure, Stat, type Tone, Waiting } from '../parts/basics.tsx'
import { Confirm } from '../parts/dialog.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { plain, Text } from '../parts/text.tsx'
import { goTo, linkTo } from '../router.ts'
import { useWords, type Words } from '../words/index.ts'

type Job = Output<'job.list'>['items'][number]

const TONES: Readonly<Record<Job['state'], Tone>> = {
  ...{ queued: 'plain', running: 'info', cancelling: 'warn', done: 'good' },
  ...{ failed: 'bad', cancelled: 'plain', interrupted: 'warn' }
}
const UNDER_WAY: ReadonlySet<string> = new Set(['queued', 'running'])

export function Jobs({ shown }: { readonly shown: string | undefined }) {
  const w = useWords()
  const { data, error, reload } = useUnit('job.list', {}, { on: ['job.'] })
  const columns = useMemo(() => columnsOf(w), [w])
  return (
    <>
      {shown !== undefined && <One id={shown} />}
      <Card title={w.events.jobs}>
        <Failure error={error} retry={reload} />
        {data === undefined && !error && <Waiting />}
        {data?.items.length === 0 && <Empty title={w.events.noJobs}>{w.events.noJobsHow}</Empty>}
        {data && data.items.length > 0 && (
          <Table
            label={w.events.jobs}
            columns={columns}
            rows={data.items}
            keyOf={job => job.id}
            order="-begun"
            onOpen={job => goTo('events', 'jobs', job.id)}
          />
        )}
      </Card>
    </>
  )
}

const columnsOf = (w: Words): readonly Column<Job>[] => [
  {
    ...{ key: 'what', title: w.events.work, sortBy: job => job.summary },
    cell: job => (
      <span>
        <a href={linkTo('events', 'jobs', job.id)}>
          <Text of={job.summary || job.id} />
        </a>
        <span class="note block">{job.kind}</span>
      </span>
    )
  },
  {
    ...{ key: 'state', title: w.events.state, sortBy: job => job.state },
    cell: job => <Badge tone={TONES[job.state]}>{w.events.states[job.state]}</Badge>
  },
  { key: 'progress', title: w.events.progress, cell: job => <Progress job={job} /> },
  {
    ...{ key: 'begun', title: w.events.begun, sortBy: job => job.created_at_ms },
    cell: job => <time title={dateTime(job.created_at_ms)}>{ago(job.created_at_ms)}</time>
  }
]

function Progress({ job }: { readonly job: Job }) {
  const w = useWords()
  const { progress, error } = job
  if (error) return <Text of={error.code} />
  if (progress === null) return <span class="dim">–</span>
  const { done, total, unit, per_second, left_ms } = progress
  const amount = (value: number) => (unit === 'bytes' ? bytes(value) : number(value))
  return (
    <div class="job-progress">
      {total !== null && total > 0 && (
        <Bar share={done / total} label={job.summary} tone={TONES[job.state]} />
      )}
      <span class="note">
        {total === null ? amount(done) : w.events.doneOf(amount(done), amount(total))}
        {unit !== 'bytes' && ` ${unit}`}
        {UNDER_WAY.has(job.state) &&
          per_second !== undefined &&
          ` · ${w.events.perSecond(amount(per_second))}`}
        {UNDER_WAY.has(job.state) && left_ms !== undefined && ` · ${w.events.timeLeft(duration(left_ms))}`}
      </span>
    </div>
  )
}

function One({ id }: { readonly id: string }) {
  const w = useWords()
  const { data: job, error, reload } = useUnit('job.show', { job_id: id }, { on: ['job.'] })
  const [asked, ask] = useState(false)
  if (job === undefined) return <Card title={id}>{error ? <Failure error={error} /> : <Waiting />}</Card>
  const cancels = UNDER_WAY.has(job.state) && (
    <Button unit="job.cancel" look="danger" onPress={() => ask(true)}>
      {w.events.cancel}
    </Button>
  )
  return (
    <Card
      title={<Text of={job.summary || job.id} />}
      actions={
        <>
          <Badge tone={TONES[job.state]}>{w.events.states[job.state]}</Badge>
          {cancels}
          <a href={linkTo('events', 'of', job.id)}>{w.events.itsEvents}</a>
          <a href={linkTo('events', 'jobs')}>{w.common.close}</a>
        </>
      }
    >
      <div class="grid">
        <Stat label={w.events.kind} value={<code>{job.kind}</code>} note={<code>{job.id}</code>} />
        <Stat label={w.events.begun} value={dateTime(job.created_at_ms)} />
        {job.started_at_ms !== null && (
          <Stat
            label={w.events.took}
            value={duration((job.ended_at_ms ?? Date.now()) - job.started_at_ms)}
            note={job.restarts > 0 ? w.events.restarts(job.restarts) : undefined}
          />
        )}
      </div>
      {job.error ? <Failure error={failed(job.error)} /> : <Progress job={job} />}
      {job.progress?.message && (
        <p class="note">
          <Text of={job.progress.message} />
        </p>
      )}
      <Sources job={job} />
      {job.result !== null && job.result !== undefined && (
        <>
          <h3>{w.events.result}</h3>
          <pre>{plain(JSON.stringify(job.result, undefined, 2))}</pre>
        </>
      )}
      {asked && (
        <Confirm
          title={w.events.cancelAsk(job.summary || job.id)}
          action={w.events.cancel}
          onClose={() => ask(false)}
          onConfirm={() => call('job.cancel', { job_id: id }).then(reload)}
        >
          <p>{w.events.cancelNote}</p>
        </Confirm>
      )}
    </Card>
  )
}

const failed = ({ code, message, hint }: NonNullable<Job['error']>) =>
  new LumosClientError(code, message, { hint: hint ?? null })

function Sources({ job }: { readonly job: Job }) {
  const w = useWords()
  const { sources = [], unit } = job.progress ?? {}
  if (sources.length === 0) return null
  return (
    <>
      <h3>{w.events.sources}</h3>
      <ul class="plain-list rows">
        {sources.map(({ from, amount }) => (
          <li key={from}>
            <Text of={from} />
            <span>{unit === 'bytes' ? bytes(amount) : number(amount)}</span>
          </li>
        ))}
      </ul>
    </>
  )
}
