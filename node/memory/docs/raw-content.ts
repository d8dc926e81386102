/**
 * What can be read in a `Y.Doc`, as bytes: equal where its content is equal, however its structs are cut. Tombstones, and marks
 * of formats that change nothing, are left out.
 */

import * as Y from 'yjs'
import { UpdateWriter } from './bytes.ts'

/** Each value begins with a letter of its kind and says how long it is: two contents never give the same bytes. */
export function* contentOf(doc: Y.Doc): Iterable<Uint8Array> {
  for (const name of [...doc.share.keys()].sort()) {
    const out = new UpdateWriter()
    writeType(out, doc.share.get(name) as Type)
    const content = out.finish()
    // A root that is named and holds nothing is as one that was never named.
    if (!isEmpty(doc.share.get(name) as Type)) yield new UpdateWriter().text(name).bytes(content).finish()
  }
}

type Type = Y.AbstractType<unknown> & { nodeName?: string }

const isEmpty = (type: Type): boolean =>
  type._length === 0 && [...type._map.values()].every(({ deleted }) => deleted)

function writeType(out: UpdateWriter, type: Type): void {
  out.text('t').text(type.nodeName ?? '')
  const keys = [...type._map].flatMap(([key, item]) => (item.deleted ? [] : key)).sort()
  out.uint(keys.length)
  for (const key of keys) {
    out.text(key)
    writeContent(out, type._map.get(key)!.content)
  }
  writeList(out, type)
}

/** Text of one format is one piece, in however many items it is. */
function writeList(out: UpdateWriter, type: Type): void {
  const format = new Map<string, unknown>()
  let text = ''
  let formatOfText = ''
  const endText = (): void => {
    if (text !== '') out.text('s').text(formatOfText).text(text)
    text = ''
  }
  for (let item = type._start; item !== null; item = item.right) {
    if (item.deleted) continue
    const { content } = item
    if (content instanceof Y.ContentFormat) {
      if (content.value === null) format.delete(content.key)
      else format.set(content.key, content.value)
      continue
    }
    const now = JSON.stringify([...format].sort(([a], [b]) => (a < b ? -1 : 1)))
    if (content instanceof Y.ContentString && now === formatOfText) {
      text += content.str
      continue
    }
    endText()
    formatOfText = now
    if (content instanceof Y.ContentString) text = content.str
    else {
      out.text('i').text(now)
      writeContent(out, content)
    }
  }
  endText()
  out.text('e')
}

function writeContent(out: UpdateWriter, content: Y.Item['content']): void {
  if (content instanceof Y.ContentType) writeType(out, content.type as Type)
  else for (const value of content.getContent()) writeValue(out, value)
}

function writeValue(out: UpdateWriter, value: unknown): void {
  if (value instanceof Uint8Array) out.text('b').bytes(value)
  else if (Array.isArray(value)) {
    out.text('a').uint(value.length)
    for (const item of value) writeValue(out, item)
  } else if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
    out.text('o').uint(members.length)
    for (const [key, member] of members) {
      out.text(key)
      writeValue(out, member)
    }
  } else out.text(typeof value).text(Object.is(value, -0) ? '0' : String(value))
}
