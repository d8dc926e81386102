/** What screens are made of. */

import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { useMay } from '../may.ts'
import { LumosClientError, type UnitName } from '../node.ts'
import { useWords } from '../words/index.ts'
import { Sentence } from './sentence.tsx'
import { plain, Text } from './text.tsx'

type Children = { readonly children?: ComponentChildren }

/** Whether a screen came before: the first one leaves the focus at the top of the page. */
let wasShown = false

/** A screen: its title, what can be done on it, and what it shows. A reader, and the keyboard, begin at its top. */
export function Screen({
  title,
  actions,
  children
}: Children & { title: string; actions?: ComponentChildren }) {
  const main = useRef<HTMLElement>(null)
  useEffect(() => {
    document.title = `${plain(title)} – lumos`
  }, [title])
  useLayoutEffect(() => {
    scrollTo(0, 0)
    if (wasShown) main.current?.focus({ preventScroll: true })
    wasShown = true
  }, [])
  return (
    <main id="screen" tabIndex={-1} ref={main}>
      <header class="screen-head">
        <h1>
          <Text of={title} />
        </h1>
        <div class="row">{actions}</div>
      </header>
      {children}
    </main>
  )
}

export function Card({
  title,
  actions,
  children,
  class: name = ''
}: Children & {
  title?: ComponentChildren
  actions?: ComponentChildren
  class?: string
}) {
  const id = useId()
  return (
    <section class={`card ${name}`} aria-labelledby={title ? id : undefined}>
      {title && (
        <header class="card-head">
          <h2 id={id}>{typeof title === 'string' ? <Text of={title} /> : title}</h2>
          <div class="row">{actions}</div>
        </header>
      )}
      {children}
    </section>
  )
}

/** One figure with its name. */
export const Stat = ({
  label,
  value,
  note
}: {
  label: string
  value: ComponentChildren
  note?: ComponentChildren
}) => (
  <div class="stat">
    <span class="stat-label">{label}</span>
    <span class="stat-value">{value}</span>
    {note !== undefined && <span class="stat-note">{note}</span>}
  </div>
)

export type Tone = 'good' | 'warn' | 'bad' | 'info' | 'plain'
/** A state in one word. Its colour says nothing that the word does not. */
export const Badge = ({ tone = 'plain', children }: Children & { tone?: Tone }) => (
  <span class={`badge ${tone}`}>{typeof children === 'string' ? plain(children) : children}</span>
)

type ButtonProps = Children &
  Omit<JSX.IntrinsicElements['button'], 'onClick'> & {
    look?: 'main' | 'quiet' | 'danger'
    /** What it calls: a session that may not call it sees no button. */
    unit?: UnitName | undefined
    /** While a promise of it is open the button shows that it works, and takes no second click. */
    onPress(): unknown
  }

export function Button({ look = 'quiet', unit, onPress, children, class: name = '', ...rest }: ButtonProps) {
  const [busy, setBusy] = useState(false)
  const may = useMay(unit)
  const press = async () => {
    if (busy) return
    setBusy(true)
    try {
      await onPress()
    } finally {
      setBusy(false)
    }
  }
  if (!may) return null
  return (
    <button
      type="button"
      class={`button ${look} ${name}`}
      aria-busy={busy}
      onClick={() => void press()}
      {...rest}
    >
      {children}
    </button>
  )
}

/** A field with its label. */
export function Field({
  label,
  note,
  children
}: {
  label: string
  note?: ComponentChildren
  children(id: string): ComponentChildren
}) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id)}
      {note && <p class="note">{note}</p>}
    </div>
  )
}

export const Select = ({
  value,
  options,
  onChange,
  ...rest
}: {
  value: string
  options: readonly (readonly [value: string, label: string])[]
  onChange(value: string): void
  id?: string
  'aria-label'?: string
}) => (
  <select value={value} onChange={event => onChange(event.currentTarget.value)} {...rest}>
    {options.map(([value, label]) => (
      <option key={value} value={value}>
        {plain(label)}
      </option>
    ))}
  </select>
)

/** How much of something is used or done, from 0 to 1. */
export const Bar = ({ share, label, tone = 'info' }: { share: number; label: string; tone?: Tone }) => (
  <div
    class={`bar ${tone}`}
    role="progressbar"
    aria-label={label}
    aria-valuenow={Math.round(share * 100)}
    aria-valuemin={0}
    aria-valuemax={100}
  >
    <span style={{ width: `${Math.max(0, Math.min(1, share)) * 100}%` }} />
  </div>
)

/** Nothing is there yet: why, and what to do. */
export const Empty = ({ title, children }: Children & { title: string }) => (
  <div class="empty">
    <p class="empty-title">{title}</p>
    {children}
  </div>
)

/** What went wrong, and what to do about it. */
export function Failure({ error, retry }: { error: unknown; retry?(): void }) {
  const w = useWords()
  if (error === undefined || error === null) return null
  const { message, hint, code } =
    error instanceof LumosClientError
      ? error
      : { message: error instanceof Error ? error.message : String(error), hint: undefined, code: undefined }
  return (
    <div class="failure" role="alert">
      <p>
        <Sentence own={message} code={code} /> {code && <code>{code}</code>}
      </p>
      {hint && (
        <p class="note" lang="en">
          <Text of={hint} />
        </p>
      )}
      {retry && <Button onPress={retry}>{w.common.again}</Button>}
    </div>
  )
}

/** In place of a screen that the session does not open. */
export function Closed({ title }: { title: string }) {
  const w = useWords().common
  return (
    <Screen title={title}>
      <Card>
        <Empty title={w.closed}>
          <p>{w.closedHow}</p>
          <pre>lumos-node open</pre>
        </Empty>
      </Card>
    </Screen>
  )
}

/** While data is on its way for the first time. */
export const Waiting = () => {
  const w = useWords()
  return (
    <p class="waiting" role="status">
      {w.common.loading}
    </p>
  )
}
