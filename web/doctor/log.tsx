/** The log of this node as it is written. */

import { useEffect, useRef, useState } from 'preact/hooks'
import { time } from '../format.ts'
import { pieces, type Units } from '../node.ts'
import { Badge, Button, Card, Failure, Select, type Tone } from '../parts/basics.tsx'
import { plain, Text } from '../parts/text.tsx'
import { useWords } from '../words/index.ts'

type Line = Units['log.tail']['item']
type Level = Line['level']
const LEVELS: readonly Level[] = ['debug', 'info', 'warn', 'error']
const TONES: Readonly<Record<Level, Tone>> = { debug: 'plain', info: 'info', warn: 'warn', error: 'bad' }
/** What was written before the screen was opened. */
const LINES_BEFORE = 100
/** More than a person reads; the file has the rest. */
const LINES_KEPT = 500

export function Log() {
  const w = useWords()
  const [level, setLevel] = useState<Level>('info')
  const [paused, setPaused] = useState(false)
  const { lines: all, error, again } = useLog(level, paused)
  // While it is paused, the level chooses among the lines that are there.
  const lines = all.filter(({ line }) => LEVELS.indexOf(line.level) >= LEVELS.indexOf(level))
  const list = useRef<HTMLDivElement>(null)
  const follows = useRef(true)
  useEffect(() => {
    const { current } = list
    if (current && follows.current) current.scrollTop = current.scrollHeight
  }, [all])
  return (
    <Card
      title={w.doctor.log}
      actions={
        <>
          <Select
            aria-label={w.doctor.level}
            value={level}
            options={LEVELS.map(name => [name, w.doctor.levels[name]] as const)}
            onChange={name => setLevel(name as Level)}
          />
          <Button aria-pressed={paused} onPress={() => setPaused(!paused)}>
            {paused ? w.doctor.goOn : w.doctor.pause}
          </Button>
        </>
      }
    >
      <Failure error={error} retry={again} />
      {lines.length === 0 && !error && <p class="dim">{paused ? w.doctor.paused : w.doctor.noLines}</p>}
      {lines.length > 0 && (
        <div
          ref={list}
          class="log"
          role="log"
          aria-label={w.doctor.log}
          aria-live="off"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what is scrolled must be reached by keys
          tabIndex={0}
          onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
            follows.current = scrollHeight - scrollTop - clientHeight < 40
          }}
        >
          {lines.map(({ id, line }) => (
            <Row key={id} line={line} />
          ))}
        </div>
      )}
    </Card>
  )
}

function Row({ line }: { readonly line: Line }) {
  const w = useWords()
  const fields = Object.entries(line.fields)
  return (
    <div class="log-line">
      <span class="dim">{line.time === null ? '' : time(line.time)}</span>
      <Badge tone={TONES[line.level]}>{w.doctor.levels[line.level]}</Badge>
      <span>
        <Text of={line.message} />{' '}
        {fields.length > 0 && (
          <code class="dim">
            {plain(fields.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(' '))}
          </code>
        )}
      </span>
    </div>
  )
}

interface Numbered {
  readonly id: number
  readonly line: Line
}

/** Lines come one by one, and are drawn together. */
function useLog(level: Level, paused: boolean) {
  const [lines, setLines] = useState<readonly Numbered[]>([])
  const [error, setError] = useState<unknown>()
  const [round, setRound] = useState(0)
  useEffect(() => {
    if (paused) return
    const left = new AbortController()
    let fresh: Numbered[] = []
    let drawn: number | undefined
    let id = 0
    const draw = () => {
      drawn = undefined
      const added = fresh
      fresh = []
      setLines(shown => [...shown, ...added].slice(-LINES_KEPT))
    }
    const read = async () => {
      try {
        const tail = pieces(
          'log.tail',
          { level, lines: LINES_BEFORE },
          { signal: left.signal, background: true }
        )
        for await (const line of tail) {
          fresh.push({ id: id++, line })
          drawn ??= requestAnimationFrame(draw)
        }
      } catch (err) {
        if (!left.signal.aborted) setError(err)
      }
    }
    setError(undefined)
    // The stream begins with the last lines.
    setLines([])
    void read()
    return () => {
      left.abort()
      if (drawn !== undefined) cancelAnimationFrame(drawn)
    }
  }, [level, paused, round])
  return { lines, error, again: () => setRound(round + 1) }
}
