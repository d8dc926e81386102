/** A question above the screen: the browser's own dialog, which keeps the focus and closes with Escape. */

import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { useWords } from '../words/index.ts'
import { Button, Failure } from './basics.tsx'
import { Text } from './text.tsx'

export function Dialog({
  title,
  onClose,
  children
}: {
  title: string
  onClose(): void
  children: ComponentChildren
}) {
  const id = useId()
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const { current } = dialog
    current?.showModal()
    return () => current?.close()
  }, [])
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose}>
      <h2 id={id}>
        <Text of={title} />
      </h2>
      {children}
    </dialog>
  )
}

/** Asks before what cannot be taken back, does it, and says why it failed. */
export function Confirm({
  title,
  children,
  action,
  look = 'danger',
  onClose,
  onConfirm
}: {
  title: string
  children?: ComponentChildren
  /** What the button says: the thing that is done. */
  action: string
  look?: 'main' | 'danger'
  onClose(): void
  onConfirm(): Promise<unknown>
}) {
  const w = useWords()
  const [error, setError] = useState<unknown>()
  const confirm = async () => {
    try {
      await onConfirm()
      onClose()
    } catch (err) {
      setError(err)
    }
  }
  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      <Failure error={error} />
      <div class="row end">
        <Button onPress={onClose}>{w.common.cancel}</Button>
        <Button look={look} onPress={confirm}>
          {action}
        </Button>
      </div>
    </Dialog>
  )
}
