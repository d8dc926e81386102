/** `POST /v1/audio/speech`: a text spoken, in bytes as the device that speaks sends them. */

import type { Context } from 'hono'
import * as z from 'zod'
import { EngineFailedError, LumosError, toLumosError } from '../../../interface/errors.ts'
import { textToSpeech } from '../../../interface/tasks/text-to-speech.ts'
import type { AppEnv } from '../../app-env.ts'
import { type AskComponents, headersOf, readBody, unitContext } from '../../asking/call.ts'
import { ModelName, rightModel } from '../../asking/model-name.ts'
import type { Piece } from '../../asking/pieces.ts'
import { StaysLoaded } from '../../asking/sampling.ts'
import { defined, maybe, oneOf, unsupported } from '../../asking/schema.ts'
import { bytesResponse } from '../../bytes.ts'
import { pcmOf } from './pcm.ts'

const UNIT = 'inference.run'
/** Of OpenAI's: no engine here writes `mp3`, `opus`, `aac` or `flac`. */
const FORMATS = ['wav', 'pcm'] as const
const TYPES = { wav: 'audio/wav', pcm: 'audio/pcm' } as const
const WAV_TYPES: ReadonlySet<string> = new Set(['audio/wav', 'audio/wave', 'audio/x-wav', 'audio/vnd.wave'])

/** OpenAI's. Its clients must name a voice, and most name one of these. */
const OPENAI_VOICES: ReadonlySet<string> = new Set(
  'alloy ash ballad cedar coral echo fable marin nova onyx sage shimmer verse'.split(' ')
)

const Speech = z.object({
  model: ModelName,
  input: textToSpeech.input.shape.text,
  voice: maybe(textToSpeech.params.shape.voice),
  speed: maybe(textToSpeech.params.shape.speed),
  response_format: maybe(z.enum(FORMATS, oneOf(FORMATS))),
  instructions: unsupported(value => value === ''),
  stream_format: unsupported(value => value === 'audio'),
  keep_alive: StaysLoaded
})

export const speechRoute = (components: AskComponents) => async (c: Context<AppEnv>) => {
  const body = await readBody(c, components, Speech)
  const { model, input: text, voice, speed, keep_alive, response_format: format = 'wav' } = body
  const spoken = async (named: string | undefined) => {
    const params = defined({ voice: named, speed, keep_alive })
    const question = { task: textToSpeech.name, model, input: { text }, params }
    const wav = wavOf(components.units.stream(UNIT, question, unitContext(c, UNIT)) as AsyncIterable<Piece>)
    const bytes = format === 'pcm' ? pcmOf(wav) : wav
    return { bytes, first: await bytes.next() }
  }

  return rightModel(components, c, { model, task: textToSpeech.name }, async () => {
    const { bytes, first } = await spoken(voice).catch((err: unknown) => {
      // A model without that voice speaks with its own.
      if (!OPENAI_VOICES.has(voice ?? '') || toLumosError(err).code !== 'INVALID_INPUT') throw err
      return spoken(undefined)
    })
    if (first.done) throw new EngineFailedError('The model said nothing.')
    return bytesResponse(c, components, {
      first: first.value,
      rest: bytes,
      headers: headersOf(c, TYPES[format])
    })
  })
}

/** The bytes of the only part. */
async function* wavOf(pieces: AsyncIterable<Piece>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of pieces) {
    if (piece.type !== 'data' || piece.part !== 0) continue
    if (!WAV_TYPES.has(piece.mime))
      throw new LumosError('ENGINE_FAILED', `The model speaks in ${piece.mime}, and not in audio/wav.`)
    yield piece.bytes as unknown as Uint8Array
  }
}
