/** What the mesh keeps: spaces, their documents, and what is in them. */

import '../memory/memory.css'
import type { ScreenProps } from '../app.tsx'
import { Document } from '../memory/document.tsx'
import { Space } from '../memory/space.tsx'
import { Spaces } from '../memory/spaces.tsx'

/** `#/memory/SPACE/DOC/KIND`: the kind is that of a document that is still to be made. */
export function Memory({ place }: ScreenProps) {
  const [space, doc, kind] = place.rest
  if (space === undefined) return <Spaces />
  if (doc === undefined) return <Space key={space} space={space} />
  return <Document key={`${space}/${doc}`} space={space} doc={doc} newKind={kind} />
}
