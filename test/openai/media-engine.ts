/** An engine that speaks, listens and paints: its speech is a tone, and it hears whatever bytes it is given. */

import type { Engine, Model } from '../../capabilities/host/engine.ts'
import { InvalidInputError, LumosError } from '../../interface/errors.ts'
import type { InferenceChunk, InferenceRequest } from '../../interface/inference.ts'
import type { TaskInput, TaskParams } from '../../interface/tasks/index.ts'

export const SPEAKER = 'speaker'
export const LISTENER = 'listener'
export const PAINTER = 'painter'

/** A recording that it does not read. */
export const UNREAD = Buffer.from('\x1aE\xdf\xa3', 'latin1')

/** A WAV file of one channel and 16 bits. */
export function wavOf(samples: readonly number[], rate = 24_000): Buffer {
  const head = Buffer.alloc(44)
  head.write('RIFF', 0)
  head.writeUInt32LE(36 + samples.length * 2, 4)
  head.write('WAVEfmt ', 8)
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(1, 22)
  head.writeUInt32LE(rate, 24)
  head.writeUInt32LE(rate * 2, 28)
  head.writeUInt16LE(2, 32)
  head.writeUInt16LE(16, 34)
  head.write('data', 36)
  head.writeUInt32LE(samples.length * 2, 40)
  return Buffer.concat([head, Buffer.from(Int16Array.from(samples).buffer)])
}

/** What is spoken for a text: a sample for each character. */
export const spoken = (text: string): number[] => [...text].map(letter => letter.charCodeAt(0) * 100)

export class MediaEngine implements Engine {
  readonly loaded = true
  readonly memoryBytes = 0
  readonly requests: InferenceRequest[] = []
  /** In place of the answer to a recording. */
  heard: object = {}
  mime = 'audio/wav'
  /** Samples a second. */
  rate = 24_000
  async load(): Promise<void> {}
  async close(): Promise<void> {}

  async *infer(request: InferenceRequest): AsyncGenerator<InferenceChunk> {
    this.requests.push(request)
    const end = { type: 'done', finishReason: 'stop', usage: {} } as const
    if (request.task === 'automatic-speech-recognition') {
      const { audio } = request.input as TaskInput<'automatic-speech-recognition'>
      if (Buffer.from(audio).equals(UNREAD))
        throw new InvalidInputError('The recording is WebM.', { details: { field: 'input.audio' } })
      yield { type: 'output', index: 0, output: { text: `${audio.byteLength} bytes`, ...this.heard } }
      yield { ...end, index: 1 }
      return
    }
    if (request.task === 'text-to-image') {
      const { count } = request.params as TaskParams<'text-to-image'>
      for (let part = 0; part < count; part++)
        yield {
          type: 'data',
          index: part,
          part,
          mime: 'image/png',
          bytes: new Uint8Array(Buffer.from(`picture ${part}`))
        }
      yield { ...end, index: count }
      return
    }
    const { text } = request.input as TaskInput<'text-to-speech'>
    const { voice } = request.params as TaskParams<'text-to-speech'>
    if (text === 'my voice only' && voice !== undefined)
      throw new LumosError('INVALID_INPUT', 'One voice only.')
    const wav = wavOf(spoken(text), this.rate)
    let index = 0
    // Pieces that end within a sample, too.
    for (let at = 0; at < wav.length; at += 27) {
      if (text.includes('fail') && index === 2) throw new LumosError('ENGINE_FAILED', 'The engine died.')
      yield {
        type: 'data',
        index: index++,
        part: 0,
        mime: this.mime,
        bytes: new Uint8Array(wav.subarray(at, at + 27))
      }
    }
    yield { ...end, index }
  }
}

export const mediaModels = (engine: MediaEngine): Model[] => [
  { id: SPEAKER, tasks: ['text-to-speech'], slots: 4, engine },
  { id: LISTENER, tasks: ['automatic-speech-recognition'], slots: 4, engine },
  { id: PAINTER, tasks: ['text-to-image'], slots: 4, engine }
]
