/** Which tools a model may ask for. */

import { useEffect, useState } from 'preact/hooks'
import { Card, Failure, Waiting } from '../parts/basics.tsx'
import { Text } from '../parts/text.tsx'
import { useStore } from '../state.ts'
import { useWords } from '../words/index.ts'
import { allTools, choose, chosen, type Tool, type Tools } from './tools.ts'

export function ToolList() {
  const w = useWords()
  const [{ tools, failed = [], error }, set] = useState<Partial<Tools> & { error?: unknown }>({})
  useEffect(() => {
    allTools().then(set, (error: unknown) => set({ error }))
  }, [])
  const from = Object.entries(Object.groupBy(tools ?? [], ({ server }) => server ?? ''))
  return (
    <Card title={w.chat.tools}>
      <p class="dim">{w.chat.toolsMean}</p>
      <Failure error={error} />
      {tools === undefined && !error && <Waiting />}
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

function Choice({ tool: { name, description } }: { readonly tool: Tool }) {
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
          <Text of={description} />
        </span>
      </span>
    </label>
  )
}
