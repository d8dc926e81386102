/** Each setting of this node, by section. */

import { useState } from 'preact/hooks'
import type { ScreenProps } from '../app.tsx'
import { useUnit } from '../live.ts'
import { Card, Empty, Failure, Screen, Waiting } from '../parts/basics.tsx'
import { Command } from '../parts/command.tsx'
import { Row } from '../settings/row.tsx'
import { type Setting, sectionOf } from '../settings/values.ts'
import { useWords, type Words } from '../words/index.ts'

export function Settings({ place }: ScreenProps) {
  const w = useWords()
  const { data, error, reload } = useUnit('config.show', {}, { on: ['mesh.'] })
  const [search, setSearch] = useState(place.rest[0] ?? '')
  const found = data?.items.filter(setting => matches(setting, search, w)) ?? []
  const waiting = data?.items.filter(({ waits }) => waits) ?? []
  return (
    <Screen
      title={w.screens.settings}
      actions={
        <input
          type="search"
          class="search"
          aria-label={w.settings.search}
          placeholder={w.settings.search}
          value={search}
          onInput={event => setSearch(event.currentTarget.value)}
        />
      }
    >
      <Failure error={error} retry={reload} />
      {data === undefined && !error && <Waiting />}
      {waiting.length > 0 && (
        <Card title={w.settings.waiting(waiting.length)}>
          <p>
            {waiting.map(({ key }) => (
              <code key={key} class="key">
                {key}
              </code>
            ))}
          </p>
          <p class="dim">{w.settings.restartHow}</p>
          <Command of="lumos-node stop && lumos-node start --detach" />
        </Card>
      )}
      {data && found.length === 0 && <Empty title={w.settings.nothing} />}
      {Object.entries(Object.groupBy(found, sectionOf)).map(([section, settings]) => (
        <Card key={section} title={nameOf(section, w)}>
          <ul class="settings">
            {settings!.map(setting => (
              <Row key={setting.key} setting={setting} onChange={reload} />
            ))}
          </ul>
        </Card>
      ))}
    </Screen>
  )
}

const nameOf = (section: string, w: Words): string =>
  (w.settings.sections as Readonly<Record<string, string>>)[section] ?? section

/** Each word is in the key, the description or the value. */
function matches(setting: Setting, search: string, w: Words): boolean {
  const described = w.settings.descriptions[setting.key] ?? ''
  const texts = [setting.key, nameOf(sectionOf(setting), w), setting.description, described]
  const text = [...texts, JSON.stringify(setting.value)].join(' ').toLowerCase()
  return search
    .toLowerCase()
    .split(/\s+/)
    .every(word => text.includes(word))
}
