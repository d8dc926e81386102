/** Which tools a model may ask for. */

import { useEffect, useState } from 'preact/hooks'
import { number } from '../format.ts'
import { Card, Failure, Field, Waiting } from '../parts/basics.tsx'
import { Sentence } from '../parts/sentence.tsx'
import { Text } from '../parts/text.tsx'
import { useStore } from '../state.ts'
import { useWords, type Words } from '../words/index.ts'
import { allTools, choose, chosen, type Tool, type Tools } from './tools.ts'

export function ToolList() {
  const w = useWords()
  const [{ tools, failed = [], error }, set] = useState<Partial<Tools> & { error?: unknown }>({})
  useEffect(() => {
    allTools().then(set, (error: unknown) => set({ error }))
  }, [])
  const [search, setSearch] = useState('')
  const { names } = useStore(chosen)
  const shown = tools?.filter(tool => matches(tool, search, w)) ?? []
  const from = Object.entries(Object.groupBy(shown, ({ server }) => server ?? ''))
  return (
    <Card title={w.chat.tools}>
      <p class="dim">{w.chat.toolsMean}</p>
      <Failure error={error} />
      {tools === undefined && !error && <Waiting />}
      {tools && (
        <Field label={w.chat.toolsFilter} note={w.chat.toolsChosen(number(names.length))}>
          {id => (
            <input
              id={id}
              type="search"
              value={search}
              onInput={event => setSearch(event.currentTarget.value)}
            />
          )}
        </Field>
      )}
      {tools && shown.length === 0 && <p class="dim">{w.chat.toolsNone}</p>}
      {from.map(([server, list]) => (
        <fieldset key={server}>
          <legend>
            <Text of={server || w.chat.toolsOfNode} />
          </legend>
          {list!.map(tool => (
            <Choice key={tool.name} tool={tool} />
          ))}
        </fieldset>
      ))}
      {failed.map(({ server, error }) => (
        <section key={server} aria-label={server}>
          <strong>
            <Text of={server} />
          </strong>
          <Failure error={error} />
        </section>
      ))}
    </Card>
  )
}

/** Each word is in its name, its server, or what is said of it. */
function matches({ name, server = '', unit, description }: Tool, search: string, w: Words): boolean {
  const said = unit && w.sentences.units[unit]
  const text = [name, server, description, said].join(' ').toLowerCase()
  return search
    .toLowerCase()
    .split(/\s+/)
    .every(word => text.includes(word))
}

function Choice({ tool: { name, description, unit } }: { readonly tool: Tool }) {
  const { names } = useStore(chosen)
  return (
    <label class="choice">
      <input
        type="checkbox"
        checked={names.includes(name)}
        onChange={event => choose(name, event.currentTarget.checked)}
      />
      <span>
        <code>
          <Text of={name} />
        </code>{' '}
        <span class="dim">
          <Sentence own={description} code={unit} kind="units" />
        </span>
      </span>
    </label>
  )
}
