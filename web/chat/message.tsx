/** One message: what was said, and by which device. */

import { duration, number } from '../format.ts'
import { LumosClientError } from '../node.ts'
import { Badge, Button, Failure } from '../parts/basics.tsx'
import { Markdown } from '../parts/markdown.tsx'
import { attempt } from '../parts/notes.tsx'
import { copy, Passage, Text } from '../parts/text.tsx'
import { useWords } from '../words/index.ts'
import { Called, type CalledProps } from './called.tsx'
import { pictures } from './question.ts'
import type { Loss, Message } from './shelf.ts'

interface SaidProps {
  readonly message: Message
  readonly isGrowing?: boolean
  /** Asks for another answer; of the last one. */
  readonly again?: (() => unknown) | undefined
  /** What came of its calls. */
  readonly results?: readonly Message[]
  readonly decide?: CalledProps['decide']
  readonly conversation?: string | undefined
}

export function Said({ message, isGrowing = false, again, results, decide, conversation }: SaidProps) {
  const w = useWords()
  const isAnswer = message.role === 'assistant'
  return (
    <article class={`said ${message.role}`} aria-label={isAnswer ? w.chat.answer : w.chat.question}>
      {isAnswer ? (
        <Answer {...{ message, isGrowing, results, decide, conversation }} />
      ) : (
        <>
          <Pictures of={message} />
          <Passage of={message.text} />
        </>
      )}
      {isAnswer && !isGrowing && (
        <footer class="said-foot">
          <Origin of={message} />
          {message.text !== '' && (
            <Button class="small" onPress={() => attempt(() => copy(message.text), w.chat.copied)}>
              {w.chat.copy}
            </Button>
          )}
          {again && (
            <Button class="small" onPress={again}>
              {w.chat.again}
            </Button>
          )}
        </footer>
      )}
    </article>
  )
}

function Answer({
  message,
  isGrowing,
  results,
  decide,
  conversation
}: Pick<SaidProps, 'message' | 'results' | 'decide' | 'conversation'> & { readonly isGrowing: boolean }) {
  const w = useWords()
  const { text, reasoning, calls = [], losses = [], error, end } = message
  return (
    <>
      {reasoning && (
        <details class="reasoning">
          <summary>{isGrowing && text === '' ? w.chat.thinks : w.chat.reasoning}</summary>
          <Passage of={reasoning} />
        </details>
      )}
      {text !== '' && <Markdown of={text} />}
      {calls.map((call, index) => (
        <Called
          key={index}
          {...{ call, decide, conversation }}
          result={results?.find(({ of }) => of?.call === call.id)}
        />
      ))}
      {losses.map((loss, index) => (
        <Lost key={index} loss={loss} />
      ))}
      {isGrowing && (
        <p class="dim growing">{message.device ? w.chat.writes(message.device) : w.chat.waits}</p>
      )}
      {end === 'length' && <p class="dim">{w.chat.cut}</p>}
      {end === 'stopped' && <p class="dim">{w.chat.stopped}</p>}
      {error && <Failure error={new LumosClientError(error.code, error.message, { hint: error.hint })} />}
    </>
  )
}

function Lost({ loss: { from, to } }: { readonly loss: Loss }) {
  const w = useWords()
  return (
    <p class="lost">
      <Badge tone="warn">{w.chat.continued}</Badge> <Text of={w.chat.lost(from, to)} />
    </p>
  )
}

function Pictures({ of: { id, pictures: count = 0 } }: { readonly of: Message }) {
  const w = useWords()
  if (count === 0) return null
  const kept = pictures.get(id)
  if (kept === undefined) return <p class="dim">{w.chat.picturesGone(count)}</p>
  return (
    <div class="row">
      {kept.map((base64, index) => (
        <img
          key={index}
          class="thumb"
          src={`data:image/jpeg;base64,${base64}`}
          alt={w.chat.picture(index + 1)}
        />
      ))}
    </div>
  )
}

function Origin({ of: { device, model, tokens, ms } }: { readonly of: Message }) {
  const w = useWords()
  return (
    <span class="dim">
      <Text of={[model, device && w.chat.by(device)].filter(Boolean).join(' · ')} />
      {tokens !== undefined && ` · ${w.models.contextOf(number(tokens))}`}
      {ms !== undefined && ` · ${duration(ms)}`}
    </span>
  )
}
