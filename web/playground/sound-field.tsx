/** Where a recording is made or chosen. */

import { useEffect, useRef, useState } from 'preact/hooks'
import { bytes, duration } from '../format.ts'
import { Button, Failure } from '../parts/basics.tsx'
import { plain, Text } from '../parts/text.tsx'
import { Store, useStore } from '../state.ts'
import { useWords } from '../words/index.ts'
import { type Recording, record, type Sound, soundOf } from './sound.ts'

/** The recording of all tasks. */
export const heard = new Store<{ sound: Sound | undefined }>({ sound: undefined })

/** Five minutes are 10 MB. */
const LONGEST_MS = 5 * 60_000
/** Browsers give no microphone to a page that came without encryption from another device. */
const HAS_MICROPHONE = navigator.mediaDevices !== undefined && 'MediaRecorder' in globalThis

export function SoundField({ onSound }: { onSound(sound: Sound): void }) {
  const w = useWords().playground
  const { sound } = useStore(heard)
  const [error, setError] = useState<unknown>()
  const take = async (blob: Blob | undefined, name: string) => {
    if (blob === undefined) return
    try {
      const sound = await soundOf(blob, name)
      heard.set({ sound })
      setError(undefined)
      onSound(sound)
    } catch {
      setError(new Error(w.noSound(plain(name))))
    }
  }
  return (
    <section
      class="dropzone"
      aria-label={w.recording}
      onDragOver={event => event.preventDefault()}
      onDrop={event => {
        event.preventDefault()
        const file = event.dataTransfer?.files[0]
        void take(file, file?.name ?? '')
      }}
    >
      {sound ? (
        <>
          {/* biome-ignore lint/a11y/useMediaCaption: its words are what the model is asked for */}
          <audio controls src={sound.data} />
          <p class="dim">
            <Text of={sound.name} /> · {bytes(sound.bytes)}
            {sound.converted && ` · ${w.converted}`}
          </p>
        </>
      ) : (
        <p>{HAS_MICROPHONE ? w.dropSound : w.dropSoundOnly}</p>
      )}
      <div class="row">
        {HAS_MICROPHONE && <Record onRecorded={blob => take(blob, 'recording.wav')} onError={setError} />}
        <label class="button quiet file">
          {w.chooseSound}
          <input
            type="file"
            accept="audio/*,.wav"
            class="sr-only"
            onChange={event => {
              const file = event.currentTarget.files?.[0]
              void take(file, file?.name ?? '')
            }}
          />
        </label>
      </div>
      <Failure error={error} />
    </section>
  )
}

function Record({ onRecorded, onError }: { onRecorded(blob: Blob): unknown; onError(error: unknown): void }) {
  const w = useWords().playground
  const recording = useRef<Recording | undefined>(undefined)
  const [ms, setMs] = useState<number | undefined>()
  const stop = async () => {
    const { current } = recording
    recording.current = undefined
    setMs(undefined)
    if (current) await onRecorded(await current.stop())
  }
  useEffect(() => () => void recording.current?.stop(), [])
  useEffect(() => {
    if (ms === undefined) return
    const timer = setTimeout(() => (ms >= LONGEST_MS ? void stop() : setMs(ms + 1000)), 1000)
    return () => clearTimeout(timer)
  }, [ms])
  const start = async () => {
    try {
      recording.current = await record()
      setMs(0)
    } catch {
      onError(new Error(w.noMicrophone))
    }
  }
  return ms === undefined ? (
    <Button onPress={start}>{w.record}</Button>
  ) : (
    <Button look="danger" onPress={stop}>
      {w.stopRecording(duration(ms))}
    </Button>
  )
}
