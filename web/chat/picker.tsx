/** Which model answers. */

import { leavesMesh, type Model } from '../models/all.ts'
import { Select } from '../parts/basics.tsx'
import { useWords } from '../words/index.ts'

export function Picker({
  models,
  value,
  onChange
}: {
  readonly models: readonly Model[]
  /** Undefined: none yet. */
  readonly value: string | undefined
  onChange(name: string): void
}) {
  const w = useWords()
  const names = models.map(model => {
    const facts = [
      w.home.devices(model.providers.length),
      ...(leavesMesh(model) ? [w.models.leavesMesh] : [])
    ]
    return [model.id, `${model.id} (${facts.join(', ')})`] as const
  })
  const isThere = models.some(({ id }) => id === value)
  const first =
    value === undefined ? (['', w.chat.model] as const) : ([value, w.chat.modelAway(value)] as const)
  return (
    <Select
      aria-label={w.chat.model}
      value={value ?? ''}
      options={isThere ? names : [first, ...names]}
      onChange={name => name !== '' && onChange(name)}
    />
  )
}
