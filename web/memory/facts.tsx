/** Facts: a value of each key. */

import { useMemo, useState } from 'preact/hooks'
import { Button, Card, Empty, Field, Select } from '../parts/basics.tsx'
import { Confirm, Dialog } from '../parts/dialog.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Text } from '../parts/text.tsx'
import { useWords } from '../words/index.ts'
import type { DocumentProps } from './document.tsx'
import { parsed, textOf, Value } from './value.tsx'
import { write } from './writing.ts'

type Fact = readonly [key: string, value: unknown]

export function Facts({ space, doc, writes, facts }: DocumentProps & { facts: Record<string, unknown> }) {
  const w = useWords()
  const [edited, edit] = useState<Fact>()
  const [removed, remove] = useState<string>()
  const rows = useMemo(() => Object.entries(facts), [facts])
  const columns = useMemo(
    (): readonly Column<Fact>[] => [
      {
        ...{ key: 'key', title: w.memory.key, sortBy: ([key]) => key },
        cell: ([key]) => (
          <code class="fact-key">
            <Text of={key} />
          </code>
        )
      },
      { key: 'value', title: w.memory.value, cell: ([, value]) => <Value of={value} /> },
      ...(writes
        ? [
            {
              ...{ key: 'acts', title: w.memory.acts, align: 'end' as const },
              cell: ([key, value]: Fact) => (
                <span class="row end">
                  <Button onPress={() => edit([key, value])} aria-label={w.memory.changeOf(key)}>
                    {w.memory.change}
                  </Button>
                  <Button onPress={() => remove(key)} aria-label={w.memory.removeOf(key)}>
                    {w.memory.remove}
                  </Button>
                </span>
              )
            }
          ]
        : [])
    ],
    [w, writes]
  )
  const add = <Button onPress={() => edit(['', ''])}>{w.memory.addFact}</Button>
  return (
    <Card title={w.memory.kinds.facts} actions={writes && rows.length > 0 && add}>
      {rows.length === 0 ? (
        <Empty title={w.memory.noFacts}>{writes && add}</Empty>
      ) : (
        <Table
          label={w.memory.kinds.facts}
          columns={columns}
          rows={rows}
          keyOf={([key]) => key}
          order="key"
        />
      )}
      {edited && <Edit space={space} doc={doc} fact={edited} onClose={() => edit(undefined)} />}
      {removed !== undefined && (
        <Confirm
          title={w.memory.removeOf(removed)}
          action={w.memory.remove}
          onClose={() => remove(undefined)}
          onConfirm={() => write('memory.unset', { space, doc, key: removed })}
        />
      )}
    </Card>
  )
}

type EditProps = { space: string; doc: string; fact: Fact; onClose(): void }

function Edit({ space, doc, fact: [key, value], onClose }: EditProps) {
  const w = useWords()
  const [newKey, setKey] = useState(key)
  const [text, setText] = useState(textOf(value))
  const [form, setForm] = useState(typeof value === 'string' ? 'text' : 'json')
  const [wrong, setWrong] = useState(false)
  const save = async () => {
    const value = form === 'text' ? { is: text } : parsed(text)
    setWrong(value === undefined)
    if (value && (await write('memory.set', { space, doc, key: newKey, value: value.is }))) onClose()
  }
  return (
    <Dialog title={key === '' ? w.memory.addFact : w.memory.changeOf(key)} onClose={onClose}>
      <form
        onSubmit={event => {
          event.preventDefault()
          void save()
        }}
      >
        {key === '' && (
          <Field label={w.memory.key}>
            {id => (
              <input
                id={id}
                value={newKey}
                required
                maxLength={256}
                onInput={event => setKey(event.currentTarget.value)}
              />
            )}
          </Field>
        )}
        <Field label={w.memory.value}>
          {id => (
            <textarea
              id={id}
              rows={5}
              value={text}
              aria-invalid={wrong}
              onInput={event => setText(event.currentTarget.value)}
            />
          )}
        </Field>
        <Field label={w.memory.form}>
          {id => (
            <Select
              id={id}
              value={form}
              options={[
                ['text', w.memory.asText],
                ['json', 'JSON']
              ]}
              onChange={setForm}
            />
          )}
        </Field>
        {wrong && (
          <p class="failure" role="alert">
            {w.memory.noJson}
          </p>
        )}
        <div class="row end wide">
          <Button onPress={onClose}>{w.common.cancel}</Button>
          <button type="submit" class="button main">
            {w.memory.save}
          </button>
        </div>
      </form>
    </Dialog>
  )
}
