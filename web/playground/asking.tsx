/** One question to the mesh, its answer, and what is told of it. */

import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Meta, Units } from '../../client/index.ts'
import { duration } from '../format.ts'
import { useUnit } from '../live.ts'
import { callWhole, type Output, type UnitName } from '../node.ts'
import { Button, Failure } from '../parts/basics.tsx'
import { Text } from '../parts/text.tsx'
import { linkTo } from '../router.ts'
import { state } from '../state.ts'
import { useWords } from '../words/index.ts'
import { Code, shortened } from './code.tsx'
import { curlOf, type Files } from './curl.ts'

/** What every view of a task is given. */
export interface ViewProps {
  /** The model that was chosen; undefined leaves the choice to the node. */
  readonly model: string | undefined
}

interface Answer<N extends UnitName> {
  readonly input: Units[N]['input']
  readonly data: Output<N>
  readonly meta: Meta
}

interface Asked<N extends UnitName> {
  readonly busy: boolean
  readonly answer?: Answer<N> | undefined
  readonly error?: unknown
}

export interface Asking<N extends UnitName> extends Asked<N> {
  readonly unit: N
  ask(input: Units[N]['input']): Promise<void>
  stop(): void
}

export function useAsk<N extends UnitName>(unit: N): Asking<N> {
  const [asked, set] = useState<Asked<N>>({ busy: false })
  const aborter = useRef<AbortController | undefined>(undefined)
  const stop = () => aborter.current?.abort()
  useEffect(() => stop, [])

  const ask = async (input: Units[N]['input']) => {
    stop()
    const own = new AbortController()
    const { signal } = own
    aborter.current = own
    set({ busy: true })
    state.set({ answering: state.value.answering + 1 })
    try {
      const answer = await callWhole(unit, input, { signal })
      if (!signal.aborted) set({ busy: false, answer: { input, ...answer } })
    } catch (error) {
      set(before =>
        signal === aborter.current?.signal
          ? { busy: false, error: signal.aborted ? undefined : error }
          : before
      )
    } finally {
      state.set({ answering: state.value.answering - 1 })
    }
  }
  return { unit, ...asked, ask, stop }
}

/** The buttons of a question. */
export function Ask({
  asking,
  ready,
  onAsk
}: {
  asking: Pick<Asking<UnitName>, 'busy' | 'stop'>
  ready: boolean
  onAsk(): unknown
}) {
  const w = useWords().playground
  return (
    <div class="row">
      <Button look="main" disabled={!ready || asking.busy} onPress={onAsk}>
        {w.ask}
      </Button>
      {asking.busy && <Button onPress={asking.stop}>{w.stop}</Button>}
      <span class="dim" role="status">
        {asking.busy ? w.asking : null}
      </span>
    </div>
  )
}

/** The answer as a view shows it, then who gave it and how to ask the same elsewhere. */
export function Answered<N extends UnitName>({
  asking,
  files,
  children
}: {
  asking: Asking<N>
  /** Fields of the input that a command reads from a file. */
  files?: Files
  children(data: Output<N>): ComponentChildren
}) {
  const w = useWords().playground
  const { answer, error, busy } = asking
  return (
    <div class="answer" aria-busy={busy}>
      <Failure error={error} />
      {answer && (
        <>
          <div aria-live="polite">{children(answer.data)}</div>
          <Origin answer={answer} />
          <Code title={w.raw} text={JSON.stringify(shortened(answer.data, w.characters), null, 2)} />
          <Code
            title={w.curl}
            text={curlOf(location.origin, asking.unit, answer.input, files)}
            note={w.curlNote}
          />
        </>
      )}
      {!answer && !error && <p class="dim">{busy ? w.asking : w.nothingYet}</p>}
    </div>
  )
}

function Origin({ answer: { data, meta } }: { answer: { data: unknown; meta: Meta } }) {
  const w = useWords().playground
  const members = useUnit('mesh.members', {}, { on: ['mesh.'] })
  const name = members.data?.items.find(({ peer_id }) => peer_id === meta.peer)?.name ?? meta.peer?.slice(-8)
  return (
    <p class="origin dim">
      <Text of={(data as { model?: string }).model} />
      {meta.peer && (
        <>
          {' · '}
          <a href={linkTo('mesh', meta.peer)}>
            <Text of={name} />
          </a>
        </>
      )}
      {' · '}
      {duration(meta.duration_ms)}
      {' · '}
      <a href={linkTo('requests', meta.request_id)}>{w.why}</a>
    </p>
  )
}
