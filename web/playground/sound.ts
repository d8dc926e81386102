/** Recordings as the node takes them: WAV of one channel. */

import { dataOf } from './picture.ts'

/** What models of speech hear. */
const RATE = 16_000
const HEAD_BYTES = 44
/** Of the units that take a recording. */
const AUDIO_BYTES_MAX = 25 * 1024 * 1024

export interface Sound {
  readonly name: string
  /** A data URL, which the page plays and the node takes. */
  readonly data: string
  readonly bytes: number
  /** The page made WAV of it. */
  readonly converted: boolean
}

/** @throws where the browser does not know its format */
export async function soundOf(blob: Blob, name: string): Promise<Sound> {
  const asIs = blob.size <= AUDIO_BYTES_MAX && (await isWav(blob))
  const wav = asIs ? blob : await wavOf(blob)
  return {
    name: asIs ? name : name.replace(/\.\w+$|$/, '.wav'),
    data: await dataOf(wav),
    bytes: wav.size,
    converted: !asIs
  }
}

async function isWav(blob: Blob): Promise<boolean> {
  const head = new TextDecoder('latin1').decode(await blob.slice(0, 12).arrayBuffer())
  return head.startsWith('RIFF') && head.endsWith('WAVE')
}

/** The browser decodes what it recorded, at the rate of the context. */
async function wavOf(blob: Blob): Promise<Blob> {
  const context = new OfflineAudioContext(1, 1, RATE)
  const audio = await context.decodeAudioData(await blob.arrayBuffer())
  const channels = Array.from({ length: audio.numberOfChannels }, (_, index) => audio.getChannelData(index))
  const view = new DataView(new ArrayBuffer(HEAD_BYTES + 2 * audio.length))
  const text = (at: number, letters: string) => {
    for (const [index, letter] of [...letters].entries()) view.setUint8(at + index, letter.charCodeAt(0))
  }
  text(0, 'RIFF')
  view.setUint32(4, view.byteLength - 8, true)
  text(8, 'WAVEfmt ')
  view.setUint32(16, 16, true)
  // PCM, one channel, two bytes a sample.
  view.setUint16(20, 1, true)
  view.setUint16(22, 1, true)
  view.setUint32(24, RATE, true)
  view.setUint32(28, 2 * RATE, true)
  view.setUint16(32, 2, true)
  view.setUint16(34, 16, true)
  text(36, 'data')
  view.setUint32(40, 2 * audio.length, true)
  for (let at = 0; at < audio.length; at++) {
    const mean = channels.reduce((sum, samples) => sum + samples[at]!, 0) / channels.length
    view.setInt16(HEAD_BYTES + 2 * at, Math.max(-1, Math.min(1, mean)) * 0x7fff, true)
  }
  return new Blob([view.buffer as ArrayBuffer], { type: 'audio/wav' })
}

export interface Recording {
  /** Ends it. */
  stop(): Promise<Blob>
}

/** @throws where the reader, or the browser, gives no microphone */
export async function record(): Promise<Recording> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true })
  const recorder = new MediaRecorder(stream)
  const parts: Blob[] = []
  recorder.ondataavailable = ({ data }) => parts.push(data)
  recorder.start()
  return {
    stop: () =>
      new Promise(resolve => {
        recorder.onstop = () => {
          for (const track of stream.getTracks()) track.stop()
          resolve(new Blob(parts, { type: recorder.mimeType }))
        }
        recorder.stop()
      })
  }
}
