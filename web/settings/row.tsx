/** One setting: what it is for, its value, where that comes from, and changing it. */

import { useEffect, useId, useState } from 'preact/hooks'
import { call } from '../node.ts'
import { Badge, Button, type Tone } from '../parts/basics.tsx'
import { Command } from '../parts/command.tsx'
import { attempt } from '../parts/notes.tsx'
import { Sentence } from '../parts/sentence.tsx'
import { plain, Text } from '../parts/text.tsx'
import { linkTo } from '../router.ts'
import { useWords } from '../words/index.ts'
import { Control } from './controls.tsx'
import { useProblem } from './problem.ts'
import { commandFor, lineOf, type Origin, originOf, type Setting, textOf, valueFrom } from './values.ts'

const TONES: Readonly<Record<Origin, Tone>> = {
  ...{ default: 'plain', file: 'info', environment: 'warn', flag: 'warn', membership: 'info' }
}
/** Whatever the file says, these hold: to change it there would do nothing. */
const OVERRULING: ReadonlySet<Origin> = new Set(['environment', 'flag'])

export function Row({ setting, onChange }: { readonly setting: Setting; onChange(): void }) {
  const w = useWords()
  const id = useId()
  const origin = originOf(setting)
  return (
    <li class="setting">
      <div class="setting-what">
        <h3>
          <label for={id}>
            <code>{setting.key}</code>
          </label>
        </h3>
        <Description of={w.settings.descriptions[setting.key] ?? setting.description} />
      </div>
      <div class="setting-value">
        <p class="row">
          <span title={origin === 'default' ? undefined : plain(setting.origin)}>
            <Badge tone={TONES[origin]}>{w.settings.origins[origin]}</Badge>
          </span>
          {setting.waits && <Badge tone="warn">{w.settings.waits}</Badge>}
          {origin !== 'default' && (
            <span class="note">{w.settings.defaultIs(plain(lineOf(setting.default)))}</span>
          )}
        </p>
        {origin === 'membership' ? (
          <p>
            <Text of={lineOf(setting.value)} /> <a href={linkTo('people')}>{w.settings.renameThere}</a>
          </p>
        ) : setting.by_programs && !OVERRULING.has(origin) ? (
          <Edit id={id} setting={setting} onChange={onChange} />
        ) : (
          <Fixed setting={setting} />
        )}
      </div>
    </li>
  )
}

/** Parts in backticks are code. */
const Description = ({ of }: { readonly of: string }) => (
  <p class="dim">
    {of
      .split('`')
      .map((part, index) => (index % 2 === 1 ? <code key={index}>{plain(part)}</code> : plain(part)))}
  </p>
)

function Fixed({ setting }: { readonly setting: Setting }) {
  const w = useWords()
  const isOverruled = OVERRULING.has(originOf(setting))
  return (
    <>
      <code class="fixed">{plain(lineOf(setting.value))}</code>
      {isOverruled && <p class="note">{w.settings.overruled(plain(setting.origin))}</p>}
      {!isOverruled && (
        <details>
          <summary>{w.settings.onDevice}</summary>
          <p class="note">{w.settings.onDeviceWhy}</p>
          <Command of={commandFor(setting)} />
        </details>
      )}
    </>
  )
}

function Edit({
  id,
  setting,
  onChange
}: {
  readonly id: string
  readonly setting: Setting
  onChange(): void
}) {
  const w = useWords()
  const said = useId()
  const saved = textOf(setting, setting.value)
  const [text, setText] = useState(saved)
  useEffect(() => setText(saved), [saved])
  const isChanged = text !== saved
  const value = valueFrom(setting, text)
  const isGone = text.trim() === '' && setting.kind !== 'list'
  const { checked, problem } = useProblem(setting, value, isChanged && !isGone)

  const unset = () =>
    attempt(() => call('config.unset', { key: setting.key }), w.settings.isDefault(setting.key))
  const set = (value: unknown) =>
    attempt(() => call('config.set', { key: setting.key, value }), w.settings.saved(setting.key))
  const save = async () => {
    // An empty field is no value: the default holds.
    if (await (isGone ? unset() : set(value))) onChange()
  }
  const back = async () => {
    if (await unset()) onChange()
  }
  const maySave = isGone || (checked && problem === undefined)
  return (
    <form
      class="setting-form"
      onSubmit={event => {
        event.preventDefault()
        if (isChanged && maySave) void save()
      }}
    >
      <Control
        id={id}
        setting={setting}
        text={text}
        disabled={false}
        describedBy={said}
        invalid={problem !== undefined}
        onText={setText}
      />
      <div id={said} aria-live="polite">
        {problem !== undefined ? (
          <p class="problem">
            <Problem of={problem} />
          </p>
        ) : (
          <Form of={setting} />
        )}
      </div>
      <div class="row">
        {isChanged && (
          <>
            <Button look="main" disabled={!maySave} onPress={save}>
              {w.settings.save}
            </Button>
            <Button onPress={() => setText(saved)}>{w.common.cancel}</Button>
          </>
        )}
        {!isChanged && originOf(setting) === 'file' && (
          <Button aria-label={w.settings.backOf(setting.key)} onPress={back}>
            {w.settings.back}
          </Button>
        )}
      </div>
    </form>
  )
}

/** Of a list it begins with the place of the item. */
function Problem({ of }: { readonly of: string }) {
  const w = useWords()
  const [, index, words = of] = /^\[(\d+)\]: (.*)$/s.exec(of) ?? []
  return (
    <>
      {index !== undefined && w.settings.ofLine(Number(index) + 1)}
      <Sentence own={words} code="CONFIG_INVALID" />
    </>
  )
}

/** How the value is written. */
function Form({ of: { kind, min, max } }: { readonly of: Setting }) {
  const w = useWords()
  if (kind === 'number' && min !== null && max !== null)
    return <p class="note">{w.settings.between(min, max)}</p>
  const words = w.settings.forms[kind]
  return words === '' ? null : <p class="note">{words}</p>
}
