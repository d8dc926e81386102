/** The conversations that are kept, and where. */

import { useState } from 'preact/hooks'
import { ago } from '../format.ts'
import { Button, Card, Failure } from '../parts/basics.tsx'
import { Confirm } from '../parts/dialog.tsx'
import { Text } from '../parts/text.tsx'
import { goTo, linkTo } from '../router.ts'
import { useWords } from '../words/index.ts'
import { changed, drop } from './asking.ts'
import { type Conversation, keepConversations, type Shelf } from './shelf.ts'

export function Conversations({
  shelf,
  conversations,
  shown,
  error,
  onKept
}: {
  readonly shelf: Shelf
  readonly conversations: readonly Conversation[]
  readonly shown: string | undefined
  readonly error: unknown
  onKept(): void
}) {
  const w = useWords()
  const [removes, setRemoves] = useState<Conversation>()
  const [keeps, setKeeps] = useState(false)
  return (
    <Card title={w.chat.conversations} class="conversations">
      <Failure error={error} />
      {conversations.length === 0 && <p class="dim">{w.chat.noneYet}</p>}
      <ul class="plain-list">
        {conversations.map(one => (
          <li key={one.id} class="conversation">
            <a href={linkTo('chat', one.model, one.id)} aria-current={one.id === shown ? 'true' : undefined}>
              <Text of={one.title} />
              <span class="dim">{ago(one.at)}</span>
            </a>
            <button
              type="button"
              class="close"
              aria-label={w.chat.removeOf(one.title)}
              onClick={() => setRemoves(one)}
            >
              ×
            </button>
          </li>
        ))}
      </ul>
      {shelf.isLasting ? (
        <p class="note">{w.chat.keptInSpace}</p>
      ) : (
        <>
          <p class="note">{w.chat.keptInTab}</p>
          <Button unit="memory.create" onPress={() => setKeeps(true)}>
            {w.chat.keep}
          </Button>
        </>
      )}
      {removes && (
        <Confirm
          title={w.chat.removeTitle}
          action={w.chat.remove}
          onClose={() => setRemoves(undefined)}
          onConfirm={async () => {
            drop(removes.id)
            await shelf.remove(removes.id)
            changed()
            if (removes.id === shown) goTo('chat', removes.model)
          }}
        >
          <p>
            <Text of={removes.title} />
          </p>
          <p class="dim">{shelf.isLasting ? w.chat.removeNote : w.chat.removeTabNote}</p>
        </Confirm>
      )}
      {keeps && (
        <Confirm
          title={w.chat.keepTitle}
          action={w.chat.keep}
          look="main"
          onClose={() => setKeeps(false)}
          onConfirm={async () => {
            await keepConversations()
            onKept()
          }}
        >
          <p>{w.chat.keepNote}</p>
        </Confirm>
      )}
    </Card>
  )
}
