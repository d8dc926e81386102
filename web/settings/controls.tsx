/** A field for each kind of setting. */

import type { JSX } from 'preact'
import { useId } from 'preact/hooks'
import { Select } from '../parts/basics.tsx'
import { useWords } from '../words/index.ts'
import { type Setting, textOf } from './values.ts'

export interface ControlProps {
  readonly id: string
  readonly setting: Setting
  readonly text: string
  readonly disabled: boolean
  /** Of what is said about the value. */
  readonly describedBy: string
  readonly invalid: boolean
  onText(text: string): void
}

/** What people write most. */
const TIMES = ['0', '1m', '5m', '15m', '1h', '24h', '-1']
const SIZES = ['500MB', '2GB', '8GB', '25%', '50%', '75%']

export function Control(props: ControlProps) {
  const { setting, text, onText, id, disabled, describedBy, invalid } = props
  const w = useWords()
  const shared = { id, disabled, 'aria-describedby': describedBy, 'aria-invalid': invalid }
  switch (setting.kind) {
    case 'switch':
      return (
        <span class="switch">
          <input
            {...shared}
            type="checkbox"
            checked={text === 'true'}
            onChange={event => onText(String(event.currentTarget.checked))}
          />
          {text === 'true' ? w.settings.on : w.settings.off}
        </span>
      )
    case 'choice':
      return (
        <Select
          {...shared}
          value={text}
          options={setting.choices.map(name => [name, name] as const)}
          onChange={onText}
        />
      )
    case 'number':
      return (
        <input
          {...shared}
          type="number"
          inputMode="numeric"
          min={setting.min ?? undefined}
          max={setting.max ?? undefined}
          value={text}
          onInput={event => onText(event.currentTarget.value)}
        />
      )
    case 'list':
    case 'table':
      return <Lines shared={shared} {...props} />
    case 'time':
      return <Amount shared={shared} common={TIMES} {...props} />
    case 'size':
      return <Amount shared={shared} common={SIZES} {...props} />
    default:
      return (
        <input
          {...shared}
          autoComplete="off"
          spellcheck={false}
          value={text}
          onInput={event => onText(event.currentTarget.value)}
        />
      )
  }
}

type Shared = Pick<JSX.IntrinsicElements['input'], 'disabled' | 'aria-invalid'> & {
  readonly id: string
  readonly 'aria-describedby': string
}

const Lines = ({ shared, setting, text, onText }: ControlProps & { readonly shared: Shared }) => (
  <textarea
    id={shared.id}
    disabled={shared.disabled}
    aria-describedby={shared['aria-describedby']}
    aria-invalid={shared['aria-invalid']}
    class="mono"
    spellcheck={false}
    rows={Math.min(10, Math.max(2, text.split('\n').length + (setting.kind === 'list' ? 1 : 0)))}
    value={text}
    onInput={event => onText(event.currentTarget.value)}
  />
)

/** Any amount can be typed; the common ones can be chosen. */
function Amount({
  shared,
  common,
  setting,
  text,
  onText
}: ControlProps & { readonly shared: Shared; readonly common: readonly string[] }) {
  const list = useId()
  const usual = textOf(setting, setting.default)
  return (
    <>
      <input
        {...shared}
        list={list}
        autoComplete="off"
        spellcheck={false}
        placeholder={usual}
        value={text}
        onInput={event => onText(event.currentTarget.value)}
      />
      <datalist id={list}>
        {[...new Set([usual, ...common])]
          .filter(value => value !== '')
          .map(value => (
            <option key={value} value={value} />
          ))}
      </datalist>
    </>
  )
}
