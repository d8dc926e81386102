/** What the session of this browser opens: a token may be for less than a page can do. */

import { useEffect } from 'preact/hooks'
import type { UnitName } from './node.ts'
import { Store, state, useStore } from './state.ts'

const session = new Store<{
  /** Names of units. Undefined until it is known. */
  units: ReadonlySet<string> | undefined
  /** It cannot be known: what is refused then says so itself. */
  failed: boolean
}>({ units: undefined, failed: false })

async function read(): Promise<void> {
  try {
    const answer = await fetch('/api/v2/session')
    if (answer.status === 401) return state.set({ signedOut: true })
    const { data } = (await answer.json()) as { data: { units: readonly string[] } }
    session.set({ units: new Set(data.units), failed: false })
  } catch {
    session.set({ failed: true })
  }
}

/** Asks again for each session. Whether it is known. */
export function useSession(): boolean {
  const { signedOut, online } = useStore(state)
  const { units, failed } = useStore(session)
  useEffect(() => {
    if (!signedOut && online) void read()
  }, [signedOut, online])
  return units !== undefined || failed
}

/** Whether it may call the unit. */
export function useMay(unit: UnitName | undefined): boolean {
  const { units } = useStore(session)
  return unit === undefined || units === undefined || units.has(unit)
}
