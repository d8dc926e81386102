/** What the mesh calls its devices, for what says only their ids. */

import { useCallback, useMemo } from 'preact/hooks'
import { useUnit } from './live.ts'

/** Enough of an id to tell devices apart. */
const ID_SHOWN = 8

/** The name of a device; of one that is no member, the end of its id. */
export function useNames(): (peerId: string) => string {
  const { data } = useUnit('mesh.members', {}, { on: ['mesh.'] })
  const byId = useMemo(() => new Map(data?.items.map(({ peer_id, name }) => [peer_id, name])), [data])
  return useCallback(peerId => byId.get(peerId) ?? `…${peerId.slice(-ID_SHOWN)}`, [byId])
}
