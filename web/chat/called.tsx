/** A tool that the model asked for: its arguments, what the person said, and what came of it. */

import { Badge, Button, type Tone } from '../parts/basics.tsx'
import { spelled, Text } from '../parts/text.tsx'
import { useStore } from '../state.ts'
import { useWords } from '../words/index.ts'
import { calling, keyOf } from './calling.ts'
import type { Message, Outcome, ToolCall } from './shelf.ts'
import { chosen } from './tools.ts'

const TONES: Readonly<Record<Outcome, Tone>> = {
  done: 'good',
  failed: 'bad',
  refused: 'warn',
  stopped: 'warn'
}

export interface CalledProps {
  readonly call: ToolCall
  readonly result: Message | undefined
  /** Absent where it is too late, or too early. */
  readonly decide: ((call: ToolCall, isAllowed: boolean) => Promise<void>) | undefined
  readonly conversation: string | undefined
}

export function Called({ call, result, decide, conversation = '' }: CalledProps) {
  const w = useWords()
  const underWay = useStore(calling)[keyOf(conversation, call.id)]
  const isOffered = useStore(chosen).names.includes(call.name)
  const outcome = result?.of?.outcome
  const isOpen = result === undefined && decide !== undefined
  return (
    <section class="called" aria-label={`${w.chat.calls} ${call.name}`}>
      <p>
        {w.chat.calls}{' '}
        <strong>
          <Text of={call.name} />
        </strong>{' '}
        {outcome && <Badge tone={TONES[outcome] ?? 'plain'}>{w.chat.toolOutcomes[outcome] ?? outcome}</Badge>}
      </p>
      <pre>
        <Text of={written(call.arguments)} />
      </pre>
      {result && (
        <details>
          <summary>{w.chat.toolResult}</summary>
          <pre>
            <Text of={written(result.text)} />
          </pre>
        </details>
      )}
      {isOpen && !isOffered && <p class="note">{w.chat.toolNotOffered}</p>}
      {isOpen && underWay && (
        <div class="row">
          <span class="dim" role="status">
            {w.chat.toolRuns}
          </span>
          <Button look="danger" onPress={underWay.stop}>
            {w.chat.toolStop}
          </Button>
        </div>
      )}
      {isOpen && !underWay && (
        <div class="row">
          {isOffered && (
            <Button look="main" onPress={() => decide(call, true)}>
              {w.chat.toolAllow}
            </Button>
          )}
          <Button onPress={() => decide(call, false)}>{w.chat.toolRefuse}</Button>
        </div>
      )}
    </section>
  )
}

/** Indented, where it is whole. */
function written(json: string): string {
  try {
    return spelled(JSON.stringify(JSON.parse(json), null, 2))
  } catch {
    return spelled(json)
  }
}
