/** Says which models came to the store of this device and which went, whatever brought or removed them. */

import type { NodeParts } from '../feature.ts'

interface Rows {
  all(): readonly { readonly name: string; readonly cid: string }[]
}

/** @returns what is called when something in the store has changed; it goes on with `then`. */
export function knownModels(rows: Rows, emit: NodeParts['emit'], then: () => void): () => void {
  const now = (): ReadonlyMap<string, string> => new Map(rows.all().map(({ name, cid }) => [name, cid]))
  let known = now()
  return () => {
    const before = known
    known = now()
    for (const modelId of before.keys()) if (!known.has(modelId)) emit('model.deleted', { modelId })
    for (const [modelId, cid] of known) {
      if (before.get(modelId) !== cid) emit('model.created', { modelId, cid })
    }
    then()
  }
}
