/** Where a question is written. Enter sends it, Shift and Enter begin a line. */

import { useEffect, useRef, useState } from 'preact/hooks'
import { Button } from '../parts/basics.tsx'
import { attempt } from '../parts/notes.tsx'
import { useWords } from '../words/index.ts'
import { PICTURES_MAX, pictureOf } from './picture.ts'

/** As a key of UI Events that an input method has taken. */
const COMPOSING = 229

export function Composer({
  takesPictures,
  isAnswering,
  disabled,
  onSend,
  onStop
}: {
  readonly takesPictures: boolean
  readonly isAnswering: boolean
  readonly disabled: boolean
  onSend(text: string, pictures: readonly string[]): void
  onStop(): void
}) {
  const w = useWords()
  const [text, setText] = useState('')
  const [images, setImages] = useState<readonly string[]>([])
  const field = useRef<HTMLTextAreaElement>(null)
  const chosen = useRef<HTMLInputElement>(null)

  // As high as what is in it.
  useEffect(() => {
    const { current } = field
    if (current === null) return
    current.style.height = 'auto'
    current.style.height = `${current.scrollHeight + 2}px`
  }, [text])

  const add = async (files: Iterable<File>) => {
    for (const file of files) {
      if (!takesPictures || !file.type.startsWith('image/')) continue
      await attempt(async () => {
        const picture = await pictureOf(file)
        setImages(before => [...before, picture].slice(0, PICTURES_MAX))
      })
    }
  }
  const canSend = !disabled && !isAnswering && (text.trim() !== '' || images.length > 0)
  const send = () => {
    if (!canSend) return
    onSend(text, images)
    setText('')
    setImages([])
    field.current?.focus()
  }
  return (
    <form
      class="composer"
      onSubmit={event => {
        event.preventDefault()
        send()
      }}
      onDragOver={event => takesPictures && event.preventDefault()}
      onDrop={event => {
        if (!takesPictures) return
        event.preventDefault()
        void add(event.dataTransfer?.files ?? [])
      }}
    >
      {images.length > 0 && (
        <div class="row">
          {images.map((image, index) => (
            <span key={index} class="thumb-frame">
              <img class="thumb" src={`data:image/jpeg;base64,${image}`} alt={w.chat.picture(index + 1)} />
              <button
                type="button"
                class="close"
                aria-label={w.chat.pictureRemove(index + 1)}
                onClick={() => setImages(images.filter((_, other) => other !== index))}
              >
                ×
              </button>
            </span>
          ))}
        </div>
      )}
      <textarea
        ref={field}
        rows={1}
        aria-label={w.chat.yourQuestion}
        placeholder={w.chat.yourQuestion}
        value={text}
        disabled={disabled}
        onInput={event => setText(event.currentTarget.value)}
        onPaste={event => void add(event.clipboardData?.files ?? [])}
        onKeyDown={event => {
          // While characters are composed, Enter chooses one. Safari tells of it by this number alone.
          if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === COMPOSING)
            return
          event.preventDefault()
          send()
        }}
      />
      <div class="row spread">
        <span class="row">
          {takesPictures && (
            <>
              <input
                ref={chosen}
                type="file"
                accept="image/*"
                multiple
                hidden
                onChange={event => {
                  void add([...(event.currentTarget.files ?? [])])
                  event.currentTarget.value = ''
                }}
              />
              <Button onPress={() => chosen.current?.click()}>{w.chat.addPicture}</Button>
            </>
          )}
          <span class="dim">{w.chat.keys}</span>
        </span>
        {isAnswering ? (
          <Button look="danger" onPress={onStop}>
            {w.chat.stop}
          </Button>
        ) : (
          <Button look="main" disabled={!canSend} onPress={send}>
            {w.chat.send}
          </Button>
        )}
      </div>
    </form>
  )
}
