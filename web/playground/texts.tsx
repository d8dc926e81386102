/** Texts: compared, put in order, translated, drawn. */

import { useState } from 'preact/hooks'
import { number } from '../format.ts'
import { Field } from '../parts/basics.tsx'
import { Passage, plain, Text } from '../parts/text.tsx'
import { useWords } from '../words/index.ts'
import { Answered, Ask, useAsk, type ViewProps } from './asking.tsx'
import { linesOf } from './pictures.tsx'
import { Scores } from './scores.tsx'
import { wordOf } from './sounds.tsx'

/** More make a table too long to read. */
const COMPARED_MAX = 12

function Lines({
  label,
  value,
  onChange,
  rows = 5,
  example,
  note
}: {
  label: string
  value: string
  onChange(value: string): void
  rows?: number
  example?: string
  note?: string
}) {
  return (
    <Field label={label} note={note}>
      {id => (
        <textarea
          {...{ id, rows, value, placeholder: example }}
          onInput={event => onChange(event.currentTarget.value)}
        />
      )}
    </Field>
  )
}

export function Compare({ model }: ViewProps) {
  const w = useWords().playground
  const asking = useAsk('inference.embed')
  const [text, setText] = useState('')
  const texts = linesOf(text).slice(0, COMPARED_MAX)
  return (
    <div class="play">
      <div class="play-input">
        <Lines
          label={w.texts}
          note={w.comparedNote(COMPARED_MAX)}
          value={text}
          onChange={setText}
          example={w.textsExample}
        />
        <Ask
          asking={asking}
          ready={texts.length > 1}
          onAsk={() => asking.ask({ input: texts, ...(model && { model }) })}
        />
      </div>
      <Answered asking={asking}>
        {({ embeddings, dimensions }) => (
          <>
            <Matrix texts={asking.answer!.input.input as readonly string[]} vectors={embeddings} />
            <p class="note">{w.dimensions(dimensions)}</p>
          </>
        )}
      </Answered>
    </div>
  )
}

function cosine(one: readonly number[], other: readonly number[]): number {
  const dot = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, value, at) => sum + value * b[at]!, 0)
  const length = Math.sqrt(dot(one, one) * dot(other, other))
  return length === 0 ? 0 : dot(one, other) / length
}

function Matrix({ texts, vectors }: { texts: readonly string[]; vectors: readonly (readonly number[])[] }) {
  const w = useWords().playground
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keys
    <section class="matrix" tabIndex={0} aria-label={w.similarity}>
      <table>
        <caption class="sr-only">{w.similarity}</caption>
        <thead>
          <tr>
            <td />
            {texts.map((text, column) => (
              <th key={column} scope="col" title={plain(text)}>
                {column + 1}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {texts.map((text, row) => (
            <tr key={row}>
              <th scope="row">
                {row + 1}. <Text of={text} />
              </th>
              {vectors.map((vector, column) => {
                const likeness = cosine(vectors[row]!, vector)
                return (
                  <td
                    key={column}
                    class={row === column ? 'same' : ''}
                    style={{ '--share': `${Math.max(0, likeness) * 40}%` }}
                  >
                    {number(likeness, 2)}
                  </td>
                )
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

export function Rank({ model }: ViewProps) {
  const w = useWords().playground
  const asking = useAsk('inference.rerank')
  const [query, setQuery] = useState('')
  const [text, setText] = useState('')
  const documents = linesOf(text)
  return (
    <div class="play">
      <div class="play-input">
        <Field label={w.query}>
          {id => <input id={id} value={query} onInput={event => setQuery(event.currentTarget.value)} />}
        </Field>
        <Lines label={w.documents} note={w.onePerLine} value={text} onChange={setText} rows={7} />
        <Ask
          asking={asking}
          ready={query.trim() !== '' && documents.length > 0}
          onAsk={() => asking.ask({ query, documents, ...(model && { model }) })}
        />
      </div>
      <Answered asking={asking}>
        {({ results }) => (
          <Scores
            items={results.map(({ index, score }) => ({
              label: asking.answer!.input.documents[index] ?? '',
              score
            }))}
          />
        )}
      </Answered>
    </div>
  )
}

export function Translate({ model }: ViewProps) {
  const w = useWords().playground
  const asking = useAsk('inference.translate')
  const [text, setText] = useState('')
  const [from, setFrom] = useState('')
  const [to, setTo] = useState('')
  const tag = (label: string, value: string, set: (value: string) => void, example: string) => (
    <Field label={label}>
      {id => (
        <input
          {...{ id, value, placeholder: example, spellcheck: false }}
          onInput={event => set(event.currentTarget.value.trim())}
        />
      )}
    </Field>
  )
  const texts = linesOf(text)
  return (
    <div class="play">
      <div class="play-input">
        <Lines label={w.toTranslate} value={text} onChange={setText} />
        <div class="pair">
          {tag(w.from, from, setFrom, 'en')}
          {tag(w.to, to, setTo, 'de')}
        </div>
        <p class="note">{w.languageNote}</p>
        <Ask
          asking={asking}
          ready={texts.length > 0}
          onAsk={() =>
            asking.ask({ texts, ...(from && { from }), ...(to && { to }), ...(model && { model }) })
          }
        />
      </div>
      <Answered asking={asking}>{({ texts }) => <Passage of={texts.join('\n')} class="said" />}</Answered>
    </div>
  )
}

export function Paint({ model }: ViewProps) {
  const w = useWords().playground
  const asking = useAsk('inference.generate_image')
  const [prompt, setPrompt] = useState('')
  const [not, setNot] = useState('')
  const [seed, setSeed] = useState('')
  return (
    <div class="play">
      <div class="play-input">
        <Lines label={w.prompt} value={prompt} onChange={setPrompt} example={w.promptExample} />
        <div class="pair">
          <Field label={w.not}>
            {id => <input id={id} value={not} onInput={event => setNot(event.currentTarget.value)} />}
          </Field>
          <Field label={w.seed}>
            {id => (
              <input
                {...{ id, value: seed, type: 'number', min: 0, max: 2 ** 32 - 1 }}
                onInput={event => setSeed(event.currentTarget.value)}
              />
            )}
          </Field>
        </div>
        <Ask
          asking={asking}
          ready={prompt.trim() !== ''}
          onAsk={() =>
            asking.ask({
              prompt,
              ...(not && { negative_prompt: not }),
              ...(seed && { seed: Number(seed) }),
              ...(model && { model })
            })
          }
        />
      </div>
      <Answered asking={asking}>
        {({ images, format }) => (
          <div class="pictures">
            {images.map((image, index) => {
              const data = `data:image/${wordOf(format, 'png')};base64,${image}`
              return (
                <figure key={index}>
                  <img src={data} alt={plain(asking.answer!.input.prompt)} />
                  <figcaption>
                    <a href={data} download={`picture-${index + 1}.${wordOf(format, 'png')}`}>
                      {w.keep}
                    </a>
                  </figcaption>
                </figure>
              )
            })}
          </div>
        )}
      </Answered>
    </div>
  )
}
