/** What is in a picture. */

import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import type { Units } from '../../client/index.ts'
import { percent } from '../format.ts'
import type { Output } from '../node.ts'
import { Field } from '../parts/basics.tsx'
import { Passage, Text } from '../parts/text.tsx'
import { useStore } from '../state.ts'
import { useWords } from '../words/index.ts'
import { Answered, Ask, useAsk, type ViewProps } from './asking.tsx'
import { chosen, type Picture } from './picture.ts'
import { type Mark, PictureField } from './picture-field.tsx'
import { Scores } from './scores.tsx'

type PictureUnit =
  | 'inference.classify'
  | 'inference.detect'
  | 'inference.detect_faces'
  | 'inference.recognize_text'
  | 'inference.describe'

/** A picture, asked about as soon as it is there. */
function About<N extends PictureUnit>({
  unit,
  model,
  more,
  ready = true,
  controls,
  marksOf,
  children
}: ViewProps & {
  unit: N
  more?: Omit<Partial<Units[N]['input']>, 'image' | 'model'>
  ready?: boolean
  controls?: ComponentChildren
  marksOf?(data: Output<N>): readonly Mark[]
  children(data: Output<N>): ComponentChildren
}) {
  const asking = useAsk(unit)
  const { picture } = useStore(chosen)
  const ask = ({ data }: Picture) => ready && asking.ask({ image: data, ...(model && { model }), ...more })
  // Of another picture, the marks would lie.
  const answered = (asking.answer?.input as { image?: string } | undefined)?.image === picture?.data
  return (
    <div class="play">
      <div class="play-input">
        <PictureField
          marks={(answered && asking.answer && marksOf?.(asking.answer.data)) || []}
          onPicture={ask}
        />
        {controls}
        <Ask asking={asking} ready={ready && picture !== undefined} onAsk={() => picture && ask(picture)} />
      </div>
      <Answered asking={asking} files={{ image: picture?.name ?? 'picture.png' }}>
        {children}
      </Answered>
    </div>
  )
}

export const Classify = ({ model }: ViewProps) => (
  <About unit="inference.classify" model={model}>
    {({ labels }) => <Scores items={labels} />}
  </About>
)

export function OwnLabels({ model }: ViewProps) {
  const w = useWords().playground
  const [text, setText] = useState('')
  const labels = linesOf(text)
  return (
    <About
      unit="inference.classify"
      model={model}
      more={{ labels }}
      ready={labels.length > 0}
      controls={
        <Field label={w.labels} note={w.onePerLine}>
          {id => (
            <textarea
              id={id}
              rows={4}
              value={text}
              onInput={event => setText(event.currentTarget.value)}
              placeholder={w.labelsExample}
            />
          )}
        </Field>
      }
    >
      {({ labels }) => <Scores items={labels} />}
    </About>
  )
}

export function Detect({ model }: ViewProps) {
  const w = useWords().playground
  const [threshold, setThreshold] = useState(0.5)
  return (
    <About
      unit="inference.detect"
      model={model}
      more={{ threshold }}
      marksOf={({ detections }) =>
        detections.map(({ box, label, score }) => ({
          corners: cornersOf(box),
          label: `${label} ${percent(score)}`
        }))
      }
      controls={
        <Field label={w.threshold(percent(threshold))}>
          {id => (
            <input
              {...{ id, type: 'range', min: 0.05, max: 0.95, step: 0.05, value: threshold }}
              onInput={event => setThreshold(event.currentTarget.valueAsNumber)}
            />
          )}
        </Field>
      }
    >
      {({ detections }) => <Scores items={detections} none={w.noDetections} />}
    </About>
  )
}

export function Faces({ model }: ViewProps) {
  const w = useWords().playground
  return (
    <About
      unit="inference.detect_faces"
      model={model}
      marksOf={({ faces }) =>
        faces.map(({ box }, index) => ({ corners: cornersOf(box), label: `${index + 1}` }))
      }
    >
      {({ faces }) => (
        <Scores
          items={faces.map(({ score }, index) => ({ label: w.face(index + 1), score }))}
          none={w.noFaces}
        />
      )}
    </About>
  )
}

export function ReadText({ model }: ViewProps) {
  const w = useWords().playground
  return (
    <About
      unit="inference.recognize_text"
      model={model}
      marksOf={({ lines }) =>
        lines.map(({ quad }, index) => ({ corners: quad as [number, number][], label: `${index + 1}` }))
      }
    >
      {({ lines }) =>
        lines.length === 0 ? (
          <p>{w.noText}</p>
        ) : (
          <ol class="lines">
            {lines.map(({ text, score }, index) => (
              <li key={index}>
                <Text of={text} /> <span class="dim">{percent(score)}</span>
              </li>
            ))}
          </ol>
        )
      }
    </About>
  )
}

export const Describe = ({ model }: ViewProps) => (
  <About unit="inference.describe" model={model}>
    {({ text }) => <Passage of={text} class="said" />}
  </About>
)

interface Box {
  readonly xmin: number
  readonly ymin: number
  readonly xmax: number
  readonly ymax: number
}

const cornersOf = ({ xmin, ymin, xmax, ymax }: Box): Mark['corners'] => [
  [xmin, ymin],
  [xmax, ymin],
  [xmax, ymax],
  [xmin, ymax]
]

export const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
