/** `POST /v1/audio/transcriptions` and `/v1/audio/translations`: what is said in a recording, in text or in cues. */

import type { Context } from 'hono'
import * as z from 'zod'
import { LumosError } from '../../../interface/errors.ts'
import type { SnakeCase } from '../../../interface/snake-case.ts'
import { AUDIO_BYTES_MAX, Language } from '../../../interface/tasks/audio.ts'
import { automaticSpeechRecognition } from '../../../interface/tasks/automatic-speech-recognition.ts'
import type { TaskOutput } from '../../../interface/tasks/index.ts'
import type { AppEnv } from '../../app-env.ts'
import {
  type AskComponents,
  answerStream,
  answerText,
  answerWhole,
  readForm,
  unitContext
} from '../../asking/call.ts'
import { ModelName, rightModel } from '../../asking/model-name.ts'
import { RefusedError } from '../../asking/refused.ts'
import { defined, maybe, oneOf, unsupported } from '../../asking/schema.ts'
import { DONE, dataEvent } from '../../asking/stream.ts'
import { failureEvent } from '../chat-stream.ts'
import { type Cue, srtOf, vttOf } from './subtitles.ts'

const UNIT = 'inference.run'
const TASK = automaticSpeechRecognition.name
const FORMATS = ['json', 'text', 'verbose_json', 'srt', 'vtt'] as const
const GRANULARITIES = ['segment', 'word'] as const
/** What a form holds beside its file. */
const FORM_BYTES_MAX = AUDIO_BYTES_MAX + 256 * 1024
const NO_PROMPT = 'Models are not told what comes before a recording.'

const Recording = z
  .custom<Uint8Array>(value => value instanceof Uint8Array, { error: 'must be a file' })
  .refine(({ byteLength }) => byteLength > 0, { error: 'is empty' })
  .refine(({ byteLength }) => byteLength <= AUDIO_BYTES_MAX, {
    error: `holds more than ${AUDIO_BYTES_MAX} bytes`
  })

const Fields = {
  file: Recording,
  model: ModelName,
  response_format: maybe(z.enum(FORMATS, oneOf(FORMATS))),
  prompt: unsupported(() => false, NO_PROMPT),
  temperature: unsupported(value => Number(value) === 0)
}
const Translation = z.object(Fields)
const Transcription = z
  .object({
    ...Fields,
    language: maybe(Language),
    timestamp_granularities: maybe(z.array(z.enum(GRANULARITIES, oneOf(GRANULARITIES))).max(2)),
    stream: maybe(z.enum(['true', 'false'], oneOf(['true', 'false'])))
  })
  .superRefine(({ response_format: format = 'json', timestamp_granularities, stream }, context) => {
    const wrong = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message })
    if (timestamp_granularities !== undefined && format !== 'verbose_json')
      wrong('timestamp_granularities', 'needs response_format verbose_json')
    if (new Set(timestamp_granularities).size > 1)
      wrong('timestamp_granularities', 'segments or words, and not both in one request')
    if (stream === 'true' && format !== 'json') wrong('stream', 'needs response_format json')
  })

type Recognised = SnakeCase<TaskOutput<typeof TASK>>
type Asked = z.output<typeof Translation> & Partial<z.output<typeof Transcription>>

export const transcriptionRoute = (components: AskComponents) => async (c: Context<AppEnv>) =>
  written(components, c, await readForm(c, components, Transcription, FORM_BYTES_MAX), 'transcribe')

export const translationRoute = (components: AskComponents) => async (c: Context<AppEnv>) =>
  written(components, c, await readForm(c, components, Translation, FORM_BYTES_MAX), 'translate')

async function written(
  components: AskComponents,
  c: Context<AppEnv>,
  asked: Asked,
  task: 'transcribe' | 'translate'
): Promise<Response> {
  const { file: audio, model, language, response_format: format = 'json', stream } = asked
  const [granularity = 'segment'] = asked.timestamp_granularities ?? []
  const timestamps = format === 'json' || format === 'text' ? undefined : granularity
  const question = { task: TASK, model, input: { audio }, params: defined({ task, language, timestamps }) }

  return rightModel(components, c, { model, task: TASK }, async () => {
    const recognised = async () => {
      const answer = await components.units.execute(UNIT, question, unitContext(c, UNIT)).catch(ofForm)
      return (answer as { output: Recognised }).output
    }
    if (stream === 'true') return answerStream(c, components, events(recognised), failureEvent)
    const output = await recognised()
    if (format === 'text') return answerText(c, `${output.text}\n`)
    if (format === 'verbose_json') return answerWhole(c, verbose(output, task, granularity))
    if (format === 'json') return answerWhole(c, { text: output.text })
    return answerText(c, format === 'srt' ? srtOf(cuesOf(output, model)) : vttOf(cuesOf(output, model)))
  })
}

/** What the form calls `file` is the audio of a task. */
function ofForm(thrown: unknown): never {
  if (!(thrown instanceof LumosError) || thrown.details.field !== 'input.audio') throw thrown
  throw new RefusedError(thrown.message, { param: 'file', reason: 'invalid_value' })
}

/** The answer comes whole, so it is one piece: its client is kept waiting by comments, and not by silence. */
async function* events(recognised: () => Promise<Recognised>): AsyncGenerator<string, void, undefined> {
  const { text } = await recognised()
  yield dataEvent({ type: 'transcript.text.delta', delta: text })
  yield dataEvent({ type: 'transcript.text.done', text })
  yield DONE
}

function cuesOf({ segments }: Recognised, model: string): readonly Cue[] {
  if (segments !== undefined) return segments
  throw new RefusedError(`The model \`${model}\` does not say when something was said.`, {
    ...{ param: 'response_format', reason: 'unsupported_value' }
  })
}

function verbose(
  { text, language, duration_ms, segments }: Recognised,
  task: 'transcribe' | 'translate',
  granularity: (typeof GRANULARITIES)[number]
) {
  const spans = segments?.map(({ start_ms, end_ms, text: said }) => ({
    ...{ start: start_ms / 1000, end: end_ms / 1000, text: said }
  }))
  return defined({
    ...{ task, language, text },
    duration: duration_ms === undefined ? undefined : duration_ms / 1000,
    ...(granularity === 'segment'
      ? { segments: spans?.map((span, id) => ({ id, ...span })) }
      : { words: spans?.map(({ text: word, ...span }) => ({ word, ...span })) })
  })
}
