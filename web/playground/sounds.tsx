/** Speech that is heard or made. */

import { useState } from 'preact/hooks'
import { duration, number } from '../format.ts'
import { Field } from '../parts/basics.tsx'
import { Passage, Text } from '../parts/text.tsx'
import { useStore } from '../state.ts'
import { useWords } from '../words/index.ts'
import { Answered, Ask, useAsk, type ViewProps } from './asking.tsx'
import type { Sound } from './sound.ts'
import { heard, SoundField } from './sound-field.tsx'

/** As the unit takes it. */
const SPOKEN_CHARS_MAX = 8192

export function Speak({ model }: ViewProps) {
  const w = useWords().playground
  const asking = useAsk('inference.synthesize')
  const [text, setText] = useState('')
  const [speed, setSpeed] = useState(1)
  return (
    <div class="play">
      <div class="play-input">
        <Field label={w.spoken}>
          {id => (
            <textarea
              {...{ id, rows: 5, value: text, maxLength: SPOKEN_CHARS_MAX, placeholder: w.spokenExample }}
              onInput={event => setText(event.currentTarget.value)}
            />
          )}
        </Field>
        <Field label={w.speed(number(speed, 2))}>
          {id => (
            <input
              {...{ id, type: 'range', min: 0.5, max: 2, step: 0.05, value: speed }}
              onInput={event => setSpeed(event.currentTarget.valueAsNumber)}
            />
          )}
        </Field>
        <Ask
          asking={asking}
          ready={text.trim() !== ''}
          onAsk={() => asking.ask({ text, speed, ...(model && { model }) })}
        />
      </div>
      <Answered asking={asking}>
        {({ audio, format, duration: seconds }) => {
          const data = `data:audio/${wordOf(format, 'wav')};base64,${audio}`
          return (
            <div class="row">
              {/* biome-ignore lint/a11y/useMediaCaption: its words stand beside it */}
              <audio controls src={data} />
              {seconds !== null && <span class="dim">{duration(seconds * 1000)}</span>}
              <a href={data} download={`speech.${wordOf(format, 'wav')}`}>
                {w.keep}
              </a>
            </div>
          )
        }}
      </Answered>
    </div>
  )
}

/** A format that another device names stands in an address here. */
export const wordOf = (format: string | null, usual: string): string =>
  format !== null && /^[a-z0-9]{1,8}$/.test(format) ? format : usual

export function Recognise({ model }: ViewProps) {
  const w = useWords().playground
  const asking = useAsk('inference.transcribe')
  const { sound } = useStore(heard)
  const [language, setLanguage] = useState('')
  const ask = ({ data }: Sound) =>
    asking.ask({
      ...{ audio: data, timestamps: 'segment' },
      ...(language.trim() && { language: language.trim() }),
      ...(model && { model })
    })
  return (
    <div class="play">
      <div class="play-input">
        <SoundField onSound={ask} />
        <Field label={w.spokenLanguage} note={w.languageNote}>
          {id => (
            <input
              {...{ id, value: language, placeholder: 'en', spellcheck: false }}
              onInput={event => setLanguage(event.currentTarget.value)}
            />
          )}
        </Field>
        <Ask asking={asking} ready={sound !== undefined} onAsk={() => sound && ask(sound)} />
      </div>
      <Answered asking={asking} files={{ audio: sound?.name ?? 'recording.wav' }}>
        {({ text, segments = [] }) => (
          <>
            {text === '' ? <p>{w.noWords}</p> : <Passage of={text} class="said" />}
            <Spans items={segments} />
          </>
        )}
      </Answered>
    </div>
  )
}

export function FindSpeech({ model }: ViewProps) {
  const w = useWords().playground
  const asking = useAsk('inference.detect_speech')
  const { sound } = useStore(heard)
  const ask = ({ data }: Sound) => asking.ask({ audio: data, ...(model && { model }) })
  return (
    <div class="play">
      <div class="play-input">
        <SoundField onSound={ask} />
        <Ask asking={asking} ready={sound !== undefined} onAsk={() => sound && ask(sound)} />
      </div>
      <Answered asking={asking} files={{ audio: sound?.name ?? 'recording.wav' }}>
        {({ segments }) => (segments.length === 0 ? <p>{w.noSpeech}</p> : <Spans items={segments} />)}
      </Answered>
    </div>
  )
}

interface Span {
  readonly start_ms: number
  readonly end_ms: number
  readonly text?: string
}

const Spans = ({ items }: { items: readonly Span[] }) => (
  <ol class="spans">
    {items.map(({ start_ms, end_ms, text }, index) => (
      <li key={index}>
        <span class="dim">
          {number(start_ms / 1000, 2)} – {number(end_ms / 1000, 2)} s
        </span>
        {text !== undefined && <Text of={text} />}
      </li>
    ))}
  </ol>
)
