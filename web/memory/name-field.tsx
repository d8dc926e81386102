/** The name of a space or of a document, as a person types it. */

import { Field } from '../parts/basics.tsx'
import { useWords } from '../words/index.ts'

interface NameFieldProps {
  readonly value: string
  onChange(value: string): void
}

export function NameField({ value, onChange }: NameFieldProps) {
  const w = useWords()
  return (
    <Field label={w.memory.name} note={w.memory.nameNote}>
      {id => (
        <input
          id={id}
          value={value}
          required
          maxLength={64}
          pattern="[a-zA-Z0-9][a-zA-Z0-9_.\-]*"
          autocomplete="off"
          onInput={event => onChange(event.currentTarget.value)}
        />
      )}
    </Field>
  )
}
