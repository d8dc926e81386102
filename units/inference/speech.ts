/** Speech that is heard or made, as rows of `named.ts`. */

import * as z from 'zod'
import { AUDIO_BYTES_MAX } from '../../interface/tasks/audio.ts'
import { automaticSpeechRecognition } from '../../interface/tasks/automatic-speech-recognition.ts'
import { textToSpeech } from '../../interface/tasks/text-to-speech.ts'
import { voiceActivityDetection } from '../../interface/tasks/voice-activity-detection.ts'
import { INPUT_BYTES_MAX } from '../../interface/units.ts'
import { inJson } from './chunk.ts'
import { answerAs, type Row } from './named-unit.ts'

/** A tenth of a second at one sample of silence: the head of a file of PCM, in base64. */
const SILENCE = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEACgAAABQAAAACABAAZGF0YQIAAAAAAA=='

export const SPEECH_ROWS: readonly Row[] = [
  {
    name: 'inference.transcribe',
    tasks: [automaticSpeechRecognition],
    inputBytesMax: inJson(AUDIO_BYTES_MAX),
    examples: [
      {
        input: { audio: SILENCE, language: 'en', timestamps: 'segment' },
        output: {
          model: 'whisper-tiny',
          text: 'hello there',
          language: 'en',
          segments: [{ start_ms: 0, end_ms: 900, text: 'hello there' }]
        }
      }
    ]
  },
  {
    name: 'inference.detect_speech',
    tasks: [voiceActivityDetection],
    inputBytesMax: inJson(AUDIO_BYTES_MAX),
    examples: [
      {
        input: { audio: SILENCE },
        output: { model: 'silero-vad', segments: [{ start_ms: 120, end_ms: 2400 }] }
      }
    ]
  },
  {
    name: 'inference.synthesize',
    tasks: [textToSpeech],
    inputBytesMax: INPUT_BYTES_MAX,
    answer: answerAs(
      textToSpeech,
      {
        audio: textToSpeech.output.shape.audio,
        /** Such as `wav`. */
        format: z.string(),
        /** In seconds; null for a format of which this node reads no head. */
        duration: z.number().nullable()
      },
      ({ mime, audio }) => ({
        audio,
        format: mime.replace(/^audio\/(?:x-)?/, '').replace(/;.*$/, ''),
        duration: secondsOf(audio)
      })
    ),
    examples: [
      {
        input: { text: 'Hello there.', speed: 1.2 },
        output: { model: 'mms-tts-eng', audio: SILENCE, format: 'wav', duration: 0.1 }
      }
    ]
  }
]

/** Of a file whose samples come last, as engines here write it: none of its fields is believed further than its bytes go. */
function secondsOf(audio: Uint8Array): number | null {
  const HEAD = 44
  if (audio.byteLength < HEAD) return null
  const view = new DataView(audio.buffer, audio.byteOffset, audio.byteLength)
  const isWave = view.getUint32(0) === 0x52494646 && view.getUint32(8) === 0x57415645
  const bytesPerSecond = view.getUint32(28, true)
  return isWave && bytesPerSecond > 0 ? (audio.byteLength - HEAD) / bytesPerSecond : null
}
