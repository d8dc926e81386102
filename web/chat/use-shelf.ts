/** What is kept, as the screen reads it. */

import { useEffect, useState } from 'preact/hooks'
import { useUnit } from '../live.ts'
import { useStore } from '../state.ts'
import { kept } from './asking.ts'
import { type Conversation, type Message, type Shelf, SPACE, spaceShelf, tabShelf } from './shelf.ts'

/** Undefined until it is known. A device without memory keeps conversations in the tab. */
export function useShelf(): { shelf: Shelf | undefined; reload(): void } {
  const { data, error, reload } = useUnit('memory.list')
  const canWrite = data?.items.some(
    ({ name, right }) => name === SPACE && (right === 'own' || right === 'write')
  )
  return { shelf: canWrite ? spaceShelf : data || error ? tabShelf : undefined, reload }
}

export function useConversations(shelf: Shelf | undefined) {
  const { changes } = useStore(kept)
  const [read, set] = useState<{ list?: readonly Conversation[]; error?: unknown }>({})
  useEffect(() => {
    let isLatest = true
    shelf?.list().then(
      list => isLatest && set({ list: list.toSorted((a, b) => b.at - a.at) }),
      (error: unknown) => isLatest && set(before => ({ ...before, error }))
    )
    return () => {
      isLatest = false
    }
  }, [shelf, changes])
  return read
}

export function useMessages(shelf: Shelf | undefined, id: string | undefined) {
  const { changes } = useStore(kept)
  const [read, set] = useState<{ id?: string; messages?: readonly Message[]; error?: unknown }>({})
  useEffect(() => {
    if (id === undefined) return
    let isLatest = true
    shelf?.messages(id).then(
      messages => isLatest && set({ id, messages }),
      (error: unknown) => isLatest && set({ id, error })
    )
    return () => {
      isLatest = false
    }
  }, [shelf, id, changes])
  return read.id === id ? read : {}
}
