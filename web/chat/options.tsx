/** How the model is to answer. It holds for the tab. */

import { Card, Field } from '../parts/basics.tsx'
import { Store, useStore } from '../state.ts'
import { useWords } from '../words/index.ts'
import type { Settings } from './question.ts'

const KEPT = 'lumos.chat.options'
const NONE: Settings = { system: '', temperature: '', maxTokens: '', seed: '' }

function read(): Settings {
  try {
    return { ...NONE, ...(JSON.parse(sessionStorage.getItem(KEPT) ?? '{}') as Partial<Settings>) }
  } catch {
    return NONE
  }
}

export const options = new Store<Settings>(read())

function set(change: Partial<Settings>): void {
  options.set(change)
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(options.value))
  } catch {
    // The tab has no room left; it holds until the page is closed.
  }
}

export function Options() {
  const w = useWords()
  const { system, temperature, maxTokens, seed } = useStore(options)
  const numbers = [
    ['temperature', temperature, w.chat.temperature, '0', '2', '0.1'],
    ['maxTokens', maxTokens, w.chat.maxTokens, '1', undefined, '1'],
    ['seed', seed, w.chat.seed, '0', undefined, '1']
  ] as const
  return (
    <Card title={w.chat.options}>
      <Field label={w.chat.system}>
        {id => (
          <textarea
            id={id}
            rows={3}
            value={system}
            onInput={event => set({ system: event.currentTarget.value })}
          />
        )}
      </Field>
      <div class="facts">
        {numbers.map(([key, value, label, min, max, step]) => (
          <Field key={key} label={label}>
            {id => (
              <input
                id={id}
                type="number"
                {...{ min, max, step, value }}
                placeholder={w.chat.asModel}
                onInput={event => set({ [key]: event.currentTarget.value })}
              />
            )}
          </Field>
        ))}
      </div>
    </Card>
  )
}
