/** What a person types on a device, because the page may not do it. */

import { useState } from 'preact/hooks'
import { useWords } from '../words/index.ts'
import { Button } from './basics.tsx'
import { copy, plain } from './text.tsx'

/** Long enough to be seen. */
const SAID_MS = 2_000

export function Copy({
  of,
  words,
  label
}: {
  readonly of: string
  /** What the button says. */
  readonly words?: string
  readonly label?: string
}) {
  const w = useWords()
  const [copied, setCopied] = useState(false)
  const onPress = async () => {
    await copy(of)
    setCopied(true)
    setTimeout(() => setCopied(false), SAID_MS)
  }
  // Pages of other addresses than loopback have no clipboard.
  if (!('clipboard' in navigator)) return null
  return (
    <Button class="copy" aria-label={label && !copied ? label : undefined} onPress={onPress}>
      <span aria-live="polite">{copied ? w.common.copied : (words ?? w.common.copy)}</span>
    </Button>
  )
}

export const Command = ({ of }: { readonly of: string }) => {
  const w = useWords()
  return (
    <div class="command">
      <pre>{plain(of)}</pre>
      <Copy of={of} label={w.common.copyOf(plain(of))} />
    </div>
  )
}
