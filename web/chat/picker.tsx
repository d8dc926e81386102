/** Which model answers. */

import type { Model } from '../models/all.ts'
import { Select } from '../parts/basics.tsx'
import { useWords } from '../words/index.ts'

export function Picker({
  models,
  value,
  onChange
}: {
  readonly models: readonly Model[]
  readonly value: string
  onChange(name: string): void
}) {
  const w = useWords()
  const names = models.map(
    ({ id, providers }) => [id, `${id} (${w.home.devices(providers.length)})`] as const
  )
  const isThere = models.some(({ id }) => id === value)
  return (
    <Select
      aria-label={w.chat.model}
      value={value}
      options={isThere ? names : [[value, w.chat.modelAway(value)], ...names]}
      onChange={onChange}
    />
  )
}
