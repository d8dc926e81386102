/**
 * How the browser proves itself: `lumos-node open` opens the page with a code in the fragment of its address, which no
 * browser sends anywhere. It is shown once, for a cookie that no script reads, and forgotten.
 */

import { call } from './node.ts'
import { state } from './state.ts'

const LINK = /^#open=([\w-]+)$/

export async function begin(): Promise<void> {
  const code = LINK.exec(location.hash)?.[1]
  if (code === undefined) return
  // Before anything else: histories keep addresses.
  history.replaceState(null, '', location.pathname)
  await signIn(code)
}

/** @param proof the code of a link, or a token. */
export async function signIn(proof: string): Promise<boolean> {
  try {
    const answer = await fetch('/api/v2/session', {
      method: 'POST',
      headers: { authorization: `Bearer ${proof}`, 'content-type': 'application/json' },
      body: '{}'
    })
    if (answer.ok) state.set({ signedOut: false })
    return answer.ok
  } catch {
    return false
  }
}

/** Goes on where the browser has a session again. */
export const isLetIn = (): Promise<void> =>
  call('mesh.show', {}).then(
    () => state.set({ signedOut: false }),
    () => undefined
  )

export async function signOut(): Promise<void> {
  await fetch('/api/v2/session', { method: 'DELETE' }).catch(() => undefined)
  state.set({ signedOut: true })
}
