/** This mesh in one glance. */

import { useUnit } from '../live.ts'
import { Failure, Screen, Stat, Waiting } from '../parts/basics.tsx'
import { useWords } from '../words/index.ts'

export function Home() {
  const w = useWords()
  const { data, error, reload } = useUnit('mesh.peers', {}, { on: ['peer.', 'manifest.'] })
  return (
    <Screen title={w.screens.home}>
      <Failure error={error} retry={reload} />
      {data ? (
        <Stat label={w.screens.mesh} value={w.home.devices(data.items.length + 1)} />
      ) : (
        !error && <Waiting />
      )}
    </Screen>
  )
}
