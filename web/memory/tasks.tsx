/** Tasks: what is to be done, by whom, and what is done. */

import { useState } from 'preact/hooks'
import { dateTime } from '../format.ts'
import { useNames } from '../names.ts'
import { Badge, Button, Card, Empty, Field, Select } from '../parts/basics.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Text } from '../parts/text.tsx'
import { useWords } from '../words/index.ts'
import type { DocumentProps } from './document.tsx'
import { write } from './writing.ts'

interface Task {
  readonly id: string
  readonly title: string
  readonly state: 'open' | 'done' | 'dropped'
  readonly assignee: string | null
  readonly writer: string
  readonly at: number
}

const STATES = ['open', 'done', 'dropped'] as const
const TONES = { open: 'info', done: 'good', dropped: 'plain' } as const

export function Tasks({ space, doc, writes, tasks }: DocumentProps & { tasks: readonly Task[] }) {
  const w = useWords()
  const nameOf = useNames()
  const [edited, edit] = useState<Task>()
  const set = (id: string, state: Task['state']) => write('memory.task', { space, doc, id, state })
  const ordered = tasks.toSorted((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state))
  return (
    <Card title={w.memory.kinds.tasks} actions={<span class="dim">{openOf(tasks, w.memory.openTasks)}</span>}>
      {tasks.length === 0 && <Empty title={w.memory.noTasks} />}
      <ul class="plain-list tasks">
        {ordered.map(task => (
          <li key={task.id} class={task.state}>
            <input
              type="checkbox"
              checked={task.state === 'done'}
              disabled={!writes}
              aria-label={w.memory.doneOf(task.title)}
              onChange={event => void set(task.id, event.currentTarget.checked ? 'done' : 'open')}
            />
            <div>
              <span class="task-title">
                <Text of={task.title} />
              </span>
              <p class="note">
                {task.assignee && (
                  <>
                    {w.memory.for} <Text of={task.assignee} /> ·{' '}
                  </>
                )}
                <Text of={nameOf(task.writer)} />, {dateTime(task.at)}
              </p>
            </div>
            <Badge tone={TONES[task.state]}>{w.memory.states[task.state]}</Badge>
            {writes && (
              <Button onPress={() => edit(task)} aria-label={w.memory.changeOf(task.title)}>
                {w.memory.change}
              </Button>
            )}
          </li>
        ))}
      </ul>
      {writes && <Add space={space} doc={doc} />}
      {edited && <Edit space={space} doc={doc} task={edited} onClose={() => edit(undefined)} />}
    </Card>
  )
}

const openOf = (tasks: readonly Task[], say: (open: number, all: number) => string): string =>
  say(tasks.filter(({ state }) => state === 'open').length, tasks.length)

function Add({ space, doc }: { readonly space: string; readonly doc: string }) {
  const w = useWords()
  const [title, setTitle] = useState('')
  return (
    <form
      class="search-line"
      onSubmit={async event => {
        event.preventDefault()
        if (await write('memory.task', { space, doc, title })) setTitle('')
      }}
    >
      <input
        aria-label={w.memory.newTask}
        placeholder={w.memory.newTask}
        required
        value={title}
        onInput={event => setTitle(event.currentTarget.value)}
      />
      <button type="submit" class="button main">
        {w.memory.addTask}
      </button>
    </form>
  )
}

type EditProps = { space: string; doc: string; task: Task; onClose(): void }

function Edit({ space, doc, task, onClose }: EditProps) {
  const w = useWords()
  const [title, setTitle] = useState(task.title)
  const [assignee, setAssignee] = useState(task.assignee ?? '')
  const [state, setState] = useState<string>(task.state)
  const save = async () => {
    const change = {
      ...(title !== task.title && { title }),
      ...(assignee !== (task.assignee ?? '') && { assignee: assignee || null }),
      ...(state !== task.state && { state: state as Task['state'] })
    }
    const same = Object.keys(change).length === 0
    if (same || (await write('memory.task', { space, doc, id: task.id, ...change }))) onClose()
  }
  const remove = async () => {
    if (await write('memory.remove', { space, doc, id: task.id })) onClose()
  }
  return (
    <Dialog title={w.memory.changeOf(task.title)} onClose={onClose}>
      <form
        onSubmit={event => {
          event.preventDefault()
          void save()
        }}
      >
        <Field label={w.memory.title}>
          {id => (
            <input id={id} required value={title} onInput={event => setTitle(event.currentTarget.value)} />
          )}
        </Field>
        <Field label={w.memory.assignee}>
          {id => <input id={id} value={assignee} onInput={event => setAssignee(event.currentTarget.value)} />}
        </Field>
        <Field label={w.memory.state}>
          {id => (
            <Select
              id={id}
              value={state}
              options={STATES.map(state => [state, w.memory.states[state]] as const)}
              onChange={setState}
            />
          )}
        </Field>
        <div class="row end wide">
          <Button look="danger" onPress={remove}>
            {w.memory.remove}
          </Button>
          <Button onPress={onClose}>{w.common.cancel}</Button>
          <button type="submit" class="button main">
            {w.memory.save}
          </button>
        </div>
      </form>
    </Dialog>
  )
}
