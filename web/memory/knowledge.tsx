/** Knowledge: files whose text the space keeps, each with where it is from. */

import { useMemo, useState } from 'preact/hooks'
import { bytes, dateTime, number } from '../format.ts'
import { useNames } from '../names.ts'
import { call, type Output } from '../node.ts'
import { Badge, Button, Card, Empty } from '../parts/basics.tsx'
import { Confirm } from '../parts/dialog.tsx'
import { attempt } from '../parts/notes.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Text } from '../parts/text.tsx'
import { useWords } from '../words/index.ts'
import type { DocumentProps } from './document.tsx'
import { changed } from './watched.ts'
import { contentOf, write } from './writing.ts'

type Source = Output<'memory.sources'>['items'][number]

/** What the node takes of one file. */
const FILE_BYTES_MAX = 24 * 1024 * 1024

export function Knowledge({ space, doc, writes, files }: DocumentProps & { files: readonly Source[] }) {
  const w = useWords()
  const nameOf = useNames()
  const [removed, remove] = useState<Source>()
  const columns = useMemo(
    (): readonly Column<Source>[] => [
      {
        ...{ key: 'name', title: w.memory.file, sortBy: file => file.name },
        cell: file => (
          <span>
            <Text of={file.name} />
            {file.title && (
              <span class="note block">
                <Text of={file.title} />
              </span>
            )}
            {!file.whole && <Badge tone="warn">{w.memory.notWhole}</Badge>}
          </span>
        )
      },
      {
        ...{ key: 'added', title: w.memory.addedBy, sortBy: file => file.added },
        cell: file => (
          <span>
            <Text of={nameOf(file.writer)} />
            <span class="note block">{dateTime(file.added)}</span>
          </span>
        )
      },
      {
        ...{ key: 'cid', title: 'CID' },
        cell: file => <code title={file.cid}>…{file.cid.slice(-8)}</code>
      },
      {
        ...{ key: 'pieces', title: w.memory.pieces, align: 'end', sortBy: file => file.pieces },
        cell: file => number(file.pieces)
      },
      {
        ...{ key: 'size', title: w.memory.size, align: 'end', sortBy: file => file.bytes },
        cell: file => bytes(file.bytes)
      },
      ...(writes
        ? [
            {
              ...{ key: 'acts', title: w.memory.acts, align: 'end' as const },
              cell: (file: Source) => (
                <Button onPress={() => remove(file)} aria-label={w.memory.removeOf(file.name)}>
                  {w.memory.remove}
                </Button>
              )
            }
          ]
        : [])
    ],
    [w, writes, nameOf]
  )
  return (
    <Card title={w.memory.knowledge}>
      {files.length === 0 && <Empty title={w.memory.noFiles} />}
      {files.length > 0 && (
        <Table
          label={w.memory.knowledge}
          columns={columns}
          rows={files}
          keyOf={file => file.name}
          order="name"
        />
      )}
      {writes && <Drop space={space} doc={doc} />}
      {removed && (
        <Confirm
          title={w.memory.removeOf(removed.name)}
          action={w.memory.remove}
          onClose={() => remove(undefined)}
          onConfirm={() => write('memory.remove_source', { space, doc, name: removed.name })}
        >
          <p>{w.memory.removeFileNote}</p>
        </Confirm>
      )}
    </Card>
  )
}

function Drop({ space, doc }: { readonly space: string; readonly doc: string }) {
  const w = useWords()
  const [over, setOver] = useState(false)
  const [doing, setDoing] = useState<string>()
  const add = async (files: readonly File[]) => {
    for (const [index, file] of files.entries()) {
      setDoing(w.memory.adding(file.name, index + 1, files.length))
      await attempt(async () => {
        if (file.size > FILE_BYTES_MAX) throw new Error(w.memory.tooLarge(file.name, bytes(FILE_BYTES_MAX)))
        await keep(space, doc, file)
      }, w.memory.added(file.name))
    }
    setDoing(undefined)
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: files are dropped here; the button in it does the same
    <div
      class={`file-drop ${over ? 'over' : ''}`}
      onDragOver={event => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={event => {
        event.preventDefault()
        setOver(false)
        void add([...(event.dataTransfer?.files ?? [])])
      }}
    >
      <label class="button main">
        {w.memory.chooseFiles}
        <input
          type="file"
          multiple
          class="sr-only"
          onChange={event => {
            const { currentTarget } = event
            void add([...(currentTarget.files ?? [])]).then(() => {
              currentTarget.value = ''
            })
          }}
        />
      </label>
      <p class="note" role="status">
        {doing ?? w.memory.dropHere}
      </p>
      <p class="note">
        {w.memory.folders} <code>lumos-node memory add {space} FOLDER</code>
      </p>
    </div>
  )
}

/** Of several files, the one that failed is named. */
async function keep(space: string, doc: string, file: File): Promise<void> {
  try {
    const content = await contentOf(file)
    await call('memory.add', { space, doc, name: file.name, content, modified: file.lastModified })
    changed(doc)
  } catch (err) {
    throw new Error(`${file.name}: ${(err as Error).message}`, { cause: err })
  }
}
