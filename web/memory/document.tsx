/** One document: what is in it, in the form of its kind, and who wrote it. */

import { useState } from 'preact/hooks'
import { bytes } from '../format.ts'
import { call } from '../node.ts'
import { Badge, Button, Card, Failure, Screen, Waiting } from '../parts/basics.tsx'
import { Confirm } from '../parts/dialog.tsx'
import { goTo, linkTo } from '../router.ts'
import { useWords } from '../words/index.ts'
import { Entries } from './entries.tsx'
import { Facts } from './facts.tsx'
import { History } from './history.tsx'
import { Knowledge } from './knowledge.tsx'
import { Notes } from './notes.tsx'
import { KNOWLEDGE, mayWrite, NEW_KINDS, type SpaceStatus } from './space.tsx'
import { Tasks } from './tasks.tsx'
import { useKept, useWatch } from './watched.ts'

export interface DocumentProps {
  readonly space: string
  readonly doc: string
  /** Whether this device may write into it. */
  readonly writes: boolean
}

type Kind = (typeof NEW_KINDS)[number]

export function Document({
  space,
  doc,
  newKind
}: {
  space: string
  doc: string
  newKind?: string | undefined
}) {
  const w = useWords()
  useWatch(space)
  const status = useKept('memory.status', { space })
  const docs = useKept('memory.docs', { space })
  const found = docs.data?.items.find(({ name }) => name === doc)
  const made = NEW_KINDS.find(kind => kind === newKind)
  const kind = found?.kind ?? made ?? (doc === KNOWLEDGE ? 'facts' : undefined)
  const error = status.error ?? docs.error
  const [asked, ask] = useState(false)
  return (
    <Screen
      title={doc}
      actions={
        <>
          {kind && <Badge>{w.memory.kinds[kind]}</Badge>}
          <a href={linkTo('memory', space)}>{w.memory.spaceOf(space)}</a>
          {found && status.data?.right === 'own' && (
            <Button unit="memory.forget" look="danger" onPress={() => ask(true)}>
              {w.memory.forget}
            </Button>
          )}
        </>
      }
    >
      <Failure error={error} retry={docs.reload} />
      {(status.data === undefined || docs.data === undefined) && !error && <Waiting />}
      {status.data && !mayWrite(status.data) && <p class="note">{w.memory.readOnly}</p>}
      {status.data && docs.data && (
        <div class="two">
          <div class="stack">
            {kind === undefined && <Card>{w.memory.noDoc}</Card>}
            {kind === 'raw' && <Raw space={space} doc={doc} />}
            {kind !== undefined && kind !== 'raw' && (
              <Content
                kind={kind}
                space={space}
                doc={doc}
                status={status.data}
                isThere={found !== undefined}
              />
            )}
          </div>
          {found && <History space={space} doc={doc} kindOf={() => found.kind} />}
        </div>
      )}
      {asked && (
        <Confirm
          title={w.memory.forgetDoc(doc)}
          action={w.memory.forget}
          onClose={() => ask(false)}
          onConfirm={async () => {
            await call('memory.forget', { space, doc })
            goTo('memory', space)
          }}
        >
          <p>{w.memory.forgetDocNote}</p>
        </Confirm>
      )}
    </Screen>
  )
}

type ContentProps = { kind: Kind; space: string; doc: string; status: SpaceStatus; isThere: boolean }

function Content({ kind, space, doc, status, isThere }: ContentProps) {
  const sources = useKept('memory.sources', { space, doc }, { doc, when: isThere && kind === 'facts' })
  const props = { space, doc, writes: mayWrite(status), isThere }
  if (kind !== 'facts') return <Opened kind={kind} {...props} />
  const files = isThere ? sources.data?.items : []
  if (files === undefined) return sources.error ? <Failure error={sources.error} /> : <Waiting />
  // The pieces of files are facts; as such they would say little.
  if (doc === KNOWLEDGE || files.length > 0) return <Knowledge files={files} {...props} />
  return <Opened kind={kind} {...props} />
}

type OpenedProps = DocumentProps & { readonly kind: Kind; readonly isThere: boolean }

function Opened({ kind, isThere, ...props }: OpenedProps) {
  const { space, doc } = props
  const { data, error, reload } = useKept('memory.open', { space, doc }, { doc, when: isThere })
  if (isThere && data === undefined) return error ? <Failure error={error} retry={reload} /> : <Waiting />
  if (kind === 'facts') return <Facts facts={data?.facts ?? {}} {...props} />
  if (kind === 'tasks') return <Tasks tasks={data?.tasks ?? []} {...props} />
  if (kind === 'notes') return <Notes text={data?.text ?? ''} {...props} />
  return <Entries entries={data?.entries ?? []} kind={kind} {...props} />
}

function Raw({ space, doc }: { readonly space: string; readonly doc: string }) {
  const w = useWords()
  const { data, error } = useKept('memory.docs', { space })
  const size = data?.items.find(({ name }) => name === doc)?.bytes ?? 0
  return (
    <Card title={w.memory.kinds.raw}>
      <Failure error={error} />
      <p>{w.memory.rawNote(bytes(size))}</p>
    </Card>
  )
}
