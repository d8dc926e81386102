/** Changes of the text of `lumos.yaml` that keep its comments, its order and the forms of all other values. */

import { Document, isCollection, isMap, isScalar, parseDocument, stringify, YAMLMap } from 'yaml'
import { LumosError } from '../../interface/errors.ts'

/** @throws {LumosError} `CONFIG_INVALID` where the text is no YAML. */
export function withValue(text: string, key: string, value: unknown): string {
  const document = read(text)
  const path = key.split('.')
  const old: unknown = isMap(document.contents) && document.getIn(path, true)
  if (isScalar(old) && old.range && old.value !== null && !(value instanceof Object)) {
    // Only the value: a document that is written anew has other blanks.
    const [start, end] = old.range
    return text.slice(0, start) + stringify(value).trimEnd() + text.slice(end)
  }
  if (!isMap(document.contents)) document.contents = new YAMLMap(document.schema) as never
  document.delete(key)
  // A section whose lines are all commented out is no map yet.
  for (const depth of path.slice(1).keys()) {
    const section = path.slice(0, depth + 1)
    const node: unknown = document.getIn(section, true)
    if (!document.hasIn(section) || isCollection(node)) continue
    const map = new YAMLMap(document.schema)
    if (isScalar(node)) map.commentBefore = node.comment ?? node.commentBefore
    document.setIn(section, map)
  }
  document.setIn(path, document.createNode(value))
  return written(document)
}

/** A section that is empty then goes with its last value. */
export function withoutValue(text: string, key: string): string {
  const document = read(text)
  if (!isMap(document.contents)) return text
  document.delete(key)
  const path = key.split('.')
  for (let length = path.length; length > 0; length--) {
    const at = path.slice(0, length)
    const node = document.getIn(at, true)
    if (length < path.length && !(isMap(node) && node.items.length === 0)) break
    if (document.hasIn(at)) document.deleteIn(at)
  }
  return written(document)
}

function read(text: string): Document {
  const document = parseDocument(text)
  const [error] = document.errors
  if (error === undefined) return document as Document
  throw new LumosError('CONFIG_INVALID', `lumos.yaml is no YAML: ${error.message}`, {
    hint: 'Correct it, then run: lumos-node config check'
  })
}

/** Without settings it is an empty file, or its comments. */
function written(document: Document): string {
  if (isMap(document.contents) && document.contents.items.length === 0) {
    const comments = new Document(null)
    comments.commentBefore = [document.commentBefore, document.contents.commentBefore, document.comment]
      .filter(Boolean)
      .join('\n')
    return comments.commentBefore === '' ? '' : comments.toString().replace(/\n*null\n$/, '\n')
  }
  return document.toString({ lineWidth: 0 })
}
