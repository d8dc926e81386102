/** One graph that finds speech: it is given a recording window by window, and what it said of the one before. */

import { type InferenceSession, Tensor } from 'onnxruntime-node'
import { EngineFailedError, LumosError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import { SEGMENTS_MAX } from '../../../interface/limits.ts'
import { samplesOf } from '../audio/recording.ts'
import { speechIn } from '../audio/speech-segments.ts'
import type { Doing } from '../doing.ts'
import { mustBeNumbers } from '../pictures/scores.ts'
import { turn } from '../turn.ts'
import { tensors } from './classifier.ts'
import { checkGraph } from './graph.ts'

export interface VoiceSettings {
  readonly form: 'voice'
  /** All, in the order of the graph. */
  readonly inputs: readonly string[]
  /** Which of them is given the samples. */
  readonly input: string
  /** How likely speech is. */
  readonly output: string
  /** Samples a second. */
  readonly rate: number
  /** Samples that are judged together. */
  readonly window: number
  /** Samples before them that are given too. */
  readonly context: number
  /** Which input is given the rate; absent: none. */
  readonly rateInput?: string
  /** What the graph keeps from window to window: zeros at first. */
  readonly states: readonly State[]
}

interface State {
  readonly input: string
  readonly output: string
  readonly dims: readonly number[]
}

/** The quiet begin and end of a word, which no model is certain of. */
const PAD_MS = 30
/** Windows between two looks at other work of the process: some milliseconds. */
const PIECE_WINDOWS = 32

export function openVoice(graph: InferenceSession, settings: VoiceSettings): Doing {
  const { inputs, output, rate, window, states } = settings
  checkGraph(graph, { inputs, outputs: [output, ...states.map(state => state.output)] })
  return {
    ...tensors(graph),
    'voice-activity-detection': async ({ audio }, params, { signal }) => {
      const samples = await samplesOf(audio, { rate, signal })
      const probabilities = await heard(graph, samples, settings, { signal })
      const segments = speechIn(probabilities, {
        ...params,
        windowMs: (window / rate) * 1000,
        durationMs: (samples.length / rate) * 1000,
        padMs: PAD_MS
      })
      if (segments.length <= SEGMENTS_MAX) return { output: { segments } }
      throw new LumosError(
        'INPUT_TOO_LARGE',
        `The recording has ${segments.length} segments; the limit is ${SEGMENTS_MAX}. Ask for longer pauses between them.`
      )
    }
  }
}

/** How likely speech is in each window. */
async function heard(
  graph: InferenceSession,
  samples: Float32Array,
  { input, output, rate, window, context, rateInput, states }: VoiceSettings,
  { signal }: AbortOptions
): Promise<Float32Array> {
  const probabilities = new Float32Array(Math.ceil(samples.length / window))
  const feeds: Record<string, Tensor> = {}
  if (rateInput !== undefined) feeds[rateInput] = new Tensor('int64', [BigInt(rate)], [])
  for (const { input, dims } of states) {
    const size = dims.reduce((product, length) => product * length, 1)
    feeds[input] = new Tensor('float32', new Float32Array(size), dims)
  }
  for (let at = 0; at < probabilities.length; at++) {
    // Silence before the begin, and after the end.
    const given = new Float32Array(context + window)
    const from = at * window - context
    const first = Math.max(0, from)
    given.set(samples.subarray(first, from + given.length), first - from)
    feeds[input] = new Tensor('float32', given, [1, given.length])
    const outputs = await graph.run(feeds)
    probabilities[at] = numbersOf(outputs[output], 1)[0]!
    for (const state of states) {
      const before = feeds[state.input]!
      feeds[state.input] = new Tensor('float32', numbersOf(outputs[state.output], before.size), before.dims)
    }
    if (at % PIECE_WINDOWS === 0) await turn(signal)
  }
  return probabilities
}

/** @throws {EngineFailedError} when there are not so many. */
function numbersOf(tensor: InferenceSession.ReturnType[string] | undefined, count: number): Float32Array {
  if (!(tensor?.data instanceof Float32Array) || tensor.size !== count) {
    throw new EngineFailedError(
      `The graph answered ${tensor?.type}[${tensor?.dims}], and no ${count} numbers.`
    )
  }
  mustBeNumbers(tensor.data)
  return tensor.data
}
