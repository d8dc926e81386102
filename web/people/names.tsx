/** What the mesh and this device are called, and leaving. */

import { useState } from 'preact/hooks'
import { useMay } from '../may.ts'
import { call, type UnitName } from '../node.ts'
import { Button, Card, Failure, Field } from '../parts/basics.tsx'
import { Command } from '../parts/command.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { attempt, note } from '../parts/notes.tsx'
import { Text } from '../parts/text.tsx'
import { useWords } from '../words/index.ts'
import type { Mesh } from './members.tsx'

/** As the unit takes them. */
const NAME_CHARS_MAX = 63

export function Names({ mesh }: { readonly mesh: Mesh }) {
  const w = useWords()
  return (
    <Card title={w.people.names}>
      <div class="grid">
        <Rename
          key={`device ${mesh.device_name}`}
          unit="mesh.rename_device"
          label={w.people.deviceName}
          what={w.people.renameDevice}
          now={mesh.device_name}
          note={w.people.deviceNameMeans}
          rename={async name => {
            const { device_name } = await call('mesh.rename_device', { name })
            note(w.people.renamed(device_name))
          }}
        />
        {mesh.role === 'admin' ? (
          <Rename
            key={`mesh ${mesh.name}`}
            unit="mesh.rename"
            label={w.people.meshName}
            what={w.people.renameMesh}
            now={mesh.name}
            note={w.people.meshNameMeans}
            rename={async name => {
              await call('mesh.rename', { name })
              note(w.people.renamed(name))
            }}
          />
        ) : (
          <div class="field">
            <strong>{w.people.meshName}</strong>
            <Text of={mesh.name} />
            <p class="note">{w.people.onlyAdminsRename}</p>
          </div>
        )}
      </div>
    </Card>
  )
}

function Rename({
  unit,
  label,
  what,
  now,
  note: words,
  rename
}: {
  readonly unit: UnitName
  readonly label: string
  readonly what: string
  readonly now: string
  readonly note: string
  rename(name: string): Promise<void>
}) {
  const [name, setName] = useState(now)
  const may = useMay(unit)
  const isOther = name.trim() !== '' && name !== now
  const save = () => attempt(() => rename(name.trim()))
  return (
    <form
      onSubmit={event => {
        event.preventDefault()
        if (isOther) void save()
      }}
    >
      <Field label={label} note={words}>
        {id => (
          <input
            id={id}
            value={name}
            readOnly={!may}
            maxLength={NAME_CHARS_MAX}
            autoComplete="off"
            spellcheck={false}
            onInput={event => setName(event.currentTarget.value)}
          />
        )}
      </Field>
      <Button unit={unit} disabled={!isOther} onPress={save}>
        {what}
      </Button>
    </form>
  )
}

export function Leaving({ mesh }: { readonly mesh: Mesh }) {
  const w = useWords()
  const [asks, setAsks] = useState(false)
  const isAlone = mesh.members < 2
  return (
    <Card
      title={w.people.leave}
      actions={
        !isAlone &&
        !mesh.holds_root && (
          <Button unit="mesh.leave" look="danger" onPress={() => setAsks(true)}>
            {w.people.leave}
          </Button>
        )
      }
    >
      {isAlone ? (
        <p class="dim">{w.people.alone}</p>
      ) : mesh.holds_root ? (
        <>
          <p>{w.people.rootStays}</p>
          <Command of="lumos-node mesh export --file root.key --remove" />
        </>
      ) : (
        <p class="dim">{w.people.leaveMeans}</p>
      )}
      {asks && <Leave mesh={mesh} onClose={() => setAsks(false)} />}
    </Card>
  )
}

/** Asks twice: the second answer is the name of the mesh. */
function Leave({ mesh: { name }, onClose }: { readonly mesh: Mesh; onClose(): void }) {
  const w = useWords()
  const [typed, setTyped] = useState('')
  const [error, setError] = useState<unknown>()
  const leave = async () => {
    try {
      await call('mesh.leave', {})
      note(w.people.left(name))
      onClose()
    } catch (err) {
      setError(err)
    }
  }
  return (
    <Dialog title={w.people.leaveQuestion(name)} onClose={onClose}>
      <p>{w.people.leaveMeans}</p>
      <Field label={w.people.typeName(name)}>
        {id => (
          <input
            id={id}
            value={typed}
            autoComplete="off"
            spellcheck={false}
            onInput={event => setTyped(event.currentTarget.value)}
          />
        )}
      </Field>
      <Failure error={error} />
      <div class="row end">
        <Button onPress={onClose}>{w.common.cancel}</Button>
        <Button look="danger" disabled={typed !== name} onPress={leave}>
          {w.people.leave}
        </Button>
      </div>
    </Dialog>
  )
}
