/** Bringing models to a device: where from, how far, and what went wrong. */

import { useState } from 'preact/hooks'
import { ago, bytes, duration, number, percent } from '../format.ts'
import { useUnit } from '../live.ts'
import { call, type Output } from '../node.ts'
import { Badge, Bar, Button, Card, Failure, Field, Select, type Tone } from '../parts/basics.tsx'
import { attempt } from '../parts/notes.tsx'
import { Sentence } from '../parts/sentence.tsx'
import { Text } from '../parts/text.tsx'
import { useIsAdmin } from '../people/roles.ts'
import { useWords } from '../words/index.ts'
import { useTaskName } from './parts.tsx'

type Job = Output<'job.list'>['items'][number]
/** Kinds of jobs that bring models. */
const KINDS: ReadonlySet<string> = new Set(['model.pull', 'model.import', 'model.create'])
const UNDER_WAY: ReadonlySet<string> = new Set(['queued', 'running', 'cancelling'])
const ENDED_SHOWN = 3
/** What a search gives at first: one screen. */
const FOUND = 12

export function Pull() {
  const w = useWords()
  const [ref, setRef] = useState('')
  const [peer, setPeer] = useState('')
  const [query, setQuery] = useState<string>()
  const device = peer || undefined
  const bring = async (wanted: string) => {
    const began = await attempt(
      () => call('model.pull', { ref: wanted }, { peer: device }),
      w.models.pullBegun(wanted)
    )
    if (began) setRef('')
  }
  const wanted = ref.trim()
  return (
    <Card title={w.models.bring}>
      <form
        onSubmit={event => {
          event.preventDefault()
          if (wanted) void bring(wanted)
        }}
      >
        <div class="pull-fields">
          <Field label={w.models.ref}>
            {id => (
              <input
                id={id}
                value={ref}
                placeholder="hf:OWNER/NAME:q4_k_m"
                spellcheck={false}
                autocomplete="off"
                onInput={event => setRef(event.currentTarget.value)}
              />
            )}
          </Field>
          <Devices value={peer} onChange={setPeer} />
        </div>
        <p class="note">{w.models.refNote}</p>
        <div class="row">
          <Button look="main" disabled={!wanted} onPress={() => bring(wanted)}>
            {w.models.bringIt}
          </Button>
          <Button disabled={!wanted} onPress={() => setQuery(wanted)}>
            {w.models.search}
          </Button>
        </div>
      </form>
      {query !== undefined && <Found query={query} onBring={bring} onClose={() => setQuery(undefined)} />}
      <Jobs peer={device} />
      <p class="note">
        {w.models.importNote} <code>lumos-node models import PATH</code>
      </p>
    </Card>
  )
}

/** Which device is to have it: this one, or another that is connected. */
function Devices({ value, onChange }: { value: string; onChange(peer: string): void }) {
  const w = useWords()
  const { data } = useUnit('mesh.members', {}, { on: ['peer.', 'mesh.'] })
  const isAdmin = useIsAdmin()
  const others = data?.items.filter(one => isAdmin && !one.self && one.online) ?? []
  return (
    <Field label={w.models.onto}>
      {id => (
        <Select
          id={id}
          value={value}
          options={[
            ['', w.models.thisDevice],
            ...others.map(({ peer_id, name }) => [peer_id, name] as const)
          ]}
          onChange={onChange}
        />
      )}
    </Field>
  )
}

function Found({
  query,
  onBring,
  onClose
}: {
  query: string
  onBring(ref: string): Promise<void>
  onClose(): void
}) {
  const w = useWords()
  const taskName = useTaskName()
  const { data, error, reload } = useUnit('model.search', { query, limit: FOUND })
  return (
    <section class="found" aria-label={w.models.found(query)}>
      <div class="card-head">
        <h3>
          <Text of={w.models.found(query)} />
        </h3>
        <Button onPress={onClose}>{w.common.close}</Button>
      </div>
      <Failure error={error} retry={reload} />
      {!data && !error && <p class="dim">{w.common.loading}</p>}
      {data?.results.length === 0 && <p class="dim">{w.models.foundNothing}</p>}
      <ul class="plain-list">
        {data?.results.map(({ ref, type, downloads }) => (
          <li key={ref} class="row spread">
            <span>
              <Text of={ref} />{' '}
              <span class="dim">
                {type && <Text of={taskName(type)} />}
                {downloads !== null && ` · ${w.models.downloads(number(downloads))}`}
              </span>
            </span>
            <Button onPress={() => onBring(ref)}>{w.models.bringIt}</Button>
          </li>
        ))}
      </ul>
    </section>
  )
}

/** What is on its way, and what ended last. */
function Jobs({ peer }: { readonly peer: string | undefined }) {
  const w = useWords()
  // Events are of this device: the jobs of another one are asked for.
  const { data, error } = useUnit('job.list', {}, { peer, on: ['job.'], ...(peer && { everyMs: 2_000 }) })
  const jobs = (data?.items ?? []).filter(({ kind }) => KINDS.has(kind))
  const ended = jobs
    .filter(({ state }) => !UNDER_WAY.has(state))
    .toSorted((a, b) => (b.ended_at_ms ?? 0) - (a.ended_at_ms ?? 0))
  const shown = [...jobs.filter(({ state }) => UNDER_WAY.has(state)), ...ended.slice(0, ENDED_SHOWN)]
  return (
    <>
      <Failure error={error} />
      {shown.length > 0 && (
        <ul class="plain-list jobs" aria-label={w.models.jobs}>
          {shown.map(job => (
            <JobRow key={job.id} job={job} peer={peer} />
          ))}
        </ul>
      )}
    </>
  )
}

const TONES: Readonly<Partial<Record<Job['state'], Tone>>> = {
  running: 'info',
  done: 'good',
  failed: 'bad',
  interrupted: 'warn'
}

function JobRow({ job, peer }: { readonly job: Job; readonly peer: string | undefined }) {
  const w = useWords()
  const { id, summary, state, progress, error } = job
  const underWay = UNDER_WAY.has(state)
  return (
    <li class="job">
      <div class="row spread">
        <span class="row">
          <strong>
            <Text of={summary} />
          </strong>
          <Badge tone={TONES[state] ?? 'plain'}>{w.models.jobStates[state]}</Badge>
          {job.ended_at_ms !== null && <span class="dim">{ago(job.ended_at_ms)}</span>}
        </span>
        {underWay && (
          <Button
            unit="job.cancel"
            onPress={() => attempt(() => call('job.cancel', { job_id: id }, { peer }))}
          >
            {w.common.cancel}
          </Button>
        )}
      </div>
      {underWay && progress && <Progress of={progress} name={summary} />}
      {error && (
        <p class="job-error">
          <Sentence own={error.message} code={error.code} /> <code>{error.code}</code>
          {error.hint && (
            <>
              {' '}
              <span lang="en">
                <Text of={error.hint} />
              </span>
            </>
          )}
        </p>
      )}
    </li>
  )
}

function Progress({ of, name }: { readonly of: NonNullable<Job['progress']>; readonly name: string }) {
  const w = useWords()
  const amount = (value: number) => (of.unit === 'bytes' ? bytes(value) : number(value))
  const share = of.total ? of.done / of.total : 0
  const facts = [
    of.total === null
      ? amount(of.done)
      : `${percent(share)} · ${w.models.doneOf(amount(of.done), amount(of.total))}`,
    ...(of.per_second ? [w.models.perSecond(amount(of.per_second))] : []),
    ...(of.left_ms ? [w.models.left(duration(of.left_ms))] : [])
  ]
  return (
    <>
      {of.total !== null && <Bar share={share} label={name} />}
      <p class="dim">{facts.join(' · ')}</p>
      {of.sources && of.sources.length > 0 && (
        <ul class="sources dim" aria-label={w.models.sources}>
          {of.sources.map(source => (
            <li key={source.from}>
              <Text of={source.from} /> {amount(source.amount)}
            </li>
          ))}
        </ul>
      )}
    </>
  )
}
