/** What transformers.js does with speech, by task. Each recording is decoded here, within limits, and not by the library. */

import {
  AutoModelForCTC,
  AutoModelForTextToWaveform,
  AutoProcessor,
  AutoTokenizer,
  type PreTrainedModel,
  type PreTrainedTokenizer,
  type Processor,
  type Tensor
} from '@huggingface/transformers'
import { EngineFailedError, InvalidInputError, LumosError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import { SEGMENTS_MAX, SPEECH_BYTES_MAX } from '../../../interface/limits.ts'
import type { TaskOutput, TaskParams } from '../../../interface/tasks/index.ts'
import { keptFrames, likeliest, phrasesOf, stretchesOf, wordsOf } from '../audio/ctc.ts'
import { samplesOf } from '../audio/recording.ts'
import { sentencesOf } from '../audio/sentences.ts'
import { wavBytes, writeWav } from '../audio/write-wav.ts'
import { mustBeNumbers } from '../pictures/scores.ts'
import { turn } from '../turn.ts'
import type { Opener } from './media.ts'

/** Heard at once: the memory of a model grows with the square of it. */
const STRETCH_SECONDS = 30
/** Of either end of a stretch: longer than any word. */
const OVERLAP_SECONDS = 5
/** The filters of a model are longer than a shorter recording. */
const SECONDS_MIN = 0.1
/** Between two sentences. */
const PAUSE_SECONDS = 0.15

export const SPEECH: Readonly<Record<string, Opener>> = {
  'automatic-speech-recognition': async (open, { sampleRate }, place) => {
    const model = await open(AutoModelForCTC, 'model')
    const processor = await AutoProcessor.from_pretrained(place)
    const tokenizer = await AutoTokenizer.from_pretrained(place)
    const rate = sampleRate!
    return {
      'automatic-speech-recognition': async ({ audio }, params, { signal }) => {
        if (params.task === 'translate') {
          throw new InvalidInputError(
            'params.task: this model writes down what is said, and does not translate.'
          )
        }
        const samples = await samplesOf(audio, { rate, signal })
        const frames = await framesOf({ model, processor }, samples, rate, { signal })
        const durationMs = (samples.length / rate) * 1000
        return { output: written(tokenizer, frames, durationMs, params) }
      }
    }
  },
  'text-to-speech': async (open, { sampleRate }, place) => {
    const model = await open(AutoModelForTextToWaveform, 'model')
    const tokenizer = await AutoTokenizer.from_pretrained(place)
    return {
      'text-to-speech': async ({ text }, { voice, speed }, options) => {
        if (voice !== undefined) throw new InvalidInputError('params.voice: this model has one voice only.')
        if (speed !== 1) throw new InvalidInputError('params.speed: this model speaks at its own speed only.')
        const samples = await spoken({ model, tokenizer }, text, sampleRate!, options)
        return { output: { mime: 'audio/wav', audio: writeWav(samples, sampleRate!) } }
      }
    }
  }
}

/** The likeliest letter of each frame. */
async function framesOf(
  { model, processor }: { readonly model: PreTrainedModel; readonly processor: Processor },
  samples: Float32Array,
  rate: number,
  { signal }: AbortOptions
): Promise<number[]> {
  const all: number[] = []
  for (const stretch of stretchesOf(samples.length, STRETCH_SECONDS * rate, OVERLAP_SECONDS * rate)) {
    await turn(signal)
    const heard = new Float32Array(Math.max(stretch.to - stretch.from, Math.ceil(SECONDS_MIN * rate)))
    heard.set(samples.subarray(stretch.from, stretch.to))
    const { logits }: { logits?: Tensor } = await model(await processor(heard))
    const { data, dims } = logits?.to('float32') ?? {}
    if (!(data instanceof Float32Array) || dims?.length !== 3 || dims[0] !== 1 || dims[2] === 0) {
      throw new EngineFailedError(`The graph answered [${dims}], and no letters.`)
    }
    mustBeNumbers(data)
    all.push(...likeliest(data, dims[2]!).slice(...keptFrames(stretch, dims[1]!)))
  }
  return all
}

function written(
  tokenizer: PreTrainedTokenizer,
  frames: readonly number[],
  durationMs: number,
  { timestamps }: TaskParams<'automatic-speech-recognition'>
): TaskOutput<'automatic-speech-recognition'> {
  const silent = new Set(tokenizer.all_special_ids)
  if (typeof tokenizer.pad_token_id === 'number') silent.add(tokenizer.pad_token_id)
  const { word_delimiter_token: delimiter = '|' } = tokenizer as { word_delimiter_token?: string }
  const between = tokenizer.get_vocab().get(delimiter)
  const words = wordsOf(frames, durationMs / Math.max(1, frames.length), { silent, between })
    .map(({ ids, ...times }) => ({ ...times, text: lettersOf(tokenizer, ids) }))
    .filter(({ text }) => text !== '')
  const said = { text: words.map(({ text }) => text).join(' '), durationMs: Math.round(durationMs) }
  if (timestamps === undefined) return said
  const segments = timestamps === 'word' ? words : phrasesOf(words)
  if (segments.length <= SEGMENTS_MAX) return { ...said, segments }
  throw new LumosError(
    'INPUT_TOO_LARGE',
    `The recording has ${segments.length} segments; the limit is ${SEGMENTS_MAX}. Ask for longer ones, or without times.`
  )
}

/** Letter by letter: the decoder of the library would take two of the same for one. */
const lettersOf = (tokenizer: PreTrainedTokenizer, ids: readonly number[]): string =>
  ids
    .map(id => tokenizer.decode([id], { skip_special_tokens: true, clean_up_tokenization_spaces: false }))
    .join('')
    .trim()

async function spoken(
  { model, tokenizer }: { readonly model: PreTrainedModel; readonly tokenizer: PreTrainedTokenizer },
  text: string,
  rate: number,
  { signal }: AbortOptions
): Promise<Float32Array> {
  const pieces: Float32Array[] = []
  let length = 0
  const pause = Math.round(PAUSE_SECONDS * rate)
  for (const sentence of sentencesOf(text)) {
    await turn(signal)
    const inputs = tokenizer(sentence)
    if (inputs.input_ids.size === 0) continue
    const { waveform }: { waveform?: Tensor } = await model(inputs)
    const { data } = waveform?.to('float32') ?? {}
    if (!(data instanceof Float32Array)) throw new EngineFailedError('The graph answered no speech.')
    mustBeNumbers(data)
    length += data.length + pause
    if (wavBytes(length) > SPEECH_BYTES_MAX) {
      throw new LumosError(
        'INPUT_TOO_LARGE',
        `The speech is larger than ${SPEECH_BYTES_MAX} bytes: have the text spoken in parts.`
      )
    }
    pieces.push(data, new Float32Array(pause))
  }
  if (pieces.length === 0) throw new InvalidInputError('input.text holds nothing that this model speaks.')
  const samples = new Float32Array(length)
  let at = 0
  for (const piece of pieces) {
    samples.set(piece, at)
    at += piece.length
  }
  return samples
}
