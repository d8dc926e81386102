/** Where a picture is dropped, chosen or pasted, and then shown with what was found in it. */

import { useEffect, useId, useState } from 'preact/hooks'
import { bytes, number } from '../format.ts'
import { Failure } from '../parts/basics.tsx'
import { plain, Text } from '../parts/text.tsx'
import { useStore } from '../state.ts'
import { useWords } from '../words/index.ts'
import { chosen, type Picture, pictureOf } from './picture.ts'

/** A place in the picture, in its pixels. */
export interface Mark {
  readonly corners: readonly (readonly [x: number, y: number])[]
  readonly label: string
}

/** Phones open their camera for this; other devices open a file. */
const HAS_CAMERA = matchMedia('(pointer: coarse)').matches

export function PictureField({
  which = 'picture',
  marks = [],
  onPicture
}: {
  which?: 'picture' | 'other'
  marks?: readonly Mark[]
  onPicture?(picture: Picture): void
}) {
  const w = useWords().playground
  const id = useId()
  const picture = useStore(chosen)[which]
  const [over, setOver] = useState(false)
  const [error, setError] = useState<unknown>()
  const take = async (files: FileList | null | undefined) => {
    const file = [...(files ?? [])].find(({ type }) => type.startsWith('image/'))
    if (file === undefined) return
    try {
      const picture = await pictureOf(file)
      chosen.set({ [which]: picture })
      setError(undefined)
      onPicture?.(picture)
    } catch {
      setError(new Error(w.noPicture(plain(file.name))))
    }
  }
  useEffect(() => {
    if (which !== 'picture') return
    const paste = (event: ClipboardEvent) => void take(event.clipboardData?.files)
    document.addEventListener('paste', paste)
    return () => document.removeEventListener('paste', paste)
  })
  const chooser = (camera: boolean) => (
    <label class="button quiet file">
      {camera ? w.camera : w.choose}
      <input
        type="file"
        accept="image/*"
        class="sr-only"
        {...(camera && { capture: 'environment' })}
        onChange={event => void take(event.currentTarget.files)}
      />
    </label>
  )

  return (
    <section
      class={`dropzone ${over ? 'over' : ''}`}
      aria-labelledby={id}
      onDragOver={event => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={event => {
        event.preventDefault()
        setOver(false)
        void take(event.dataTransfer?.files)
      }}
    >
      {picture && <Shown picture={picture} marks={marks} />}
      <p id={id} class={picture ? 'dim' : ''}>
        {picture ? <About picture={picture} /> : w.drop}
      </p>
      <div class="row">
        {chooser(false)}
        {HAS_CAMERA && chooser(true)}
      </div>
      <Failure error={error} />
    </section>
  )
}

function About({ picture }: { picture: Picture }) {
  const w = useWords().playground
  const { name, width, height, scaled } = picture
  return (
    <>
      <Text of={name} /> · {number(width)} × {number(height)} · {bytes(picture.bytes)}
      {scaled && ` · ${w.scaled}`}
    </>
  )
}

function Shown({ picture, marks }: { picture: Picture; marks: readonly Mark[] }) {
  const w = useWords().playground
  const { width, height, data, name } = picture
  return (
    <div class={`marked ${width < 200 ? 'small' : ''}`} style={{ aspectRatio: `${width} / ${height}` }}>
      <img src={data} alt={w.picture(plain(name))} />
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
        {marks.map(({ corners }, index) => (
          <polygon key={index} points={corners.map(([x, y]) => `${x},${y}`).join(' ')} />
        ))}
      </svg>
      {marks.map(({ corners, label }, index) => (
        <span key={index} class="mark" aria-hidden="true" style={placeOf(corners, width, height)}>
          {plain(label)}
        </span>
      ))}
    </div>
  )
}

/** Above its corners where there is room, and towards the middle of the picture. */
function placeOf(corners: Mark['corners'], width: number, height: number) {
  const xs = corners.map(([x]) => x / width)
  const top = Math.max(0, Math.min(...corners.map(([, y]) => y / height)))
  const isRight = Math.min(...xs) > 0.6
  return {
    ...(isRight
      ? { right: `${100 * Math.max(0, 1 - Math.max(...xs))}%` }
      : { left: `${100 * Math.max(0, Math.min(...xs))}%` }),
    top: `${100 * top}%`,
    transform: top > 0.08 ? 'translateY(-100%)' : 'none'
  }
}
