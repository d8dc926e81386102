/** The page: a session by its link, then the screens. */

import './style.css'
import { render } from 'preact'
import { App } from './app.tsx'
import { begin } from './session.ts'

await begin()
// A link that is pasted where the page is open loads no page.
addEventListener('hashchange', () => void begin())
render(<App />, document.getElementById('app')!)
if ('serviceWorker' in navigator) {
  const types = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes
  const path =
    types?.createPolicy('lumos', { createScriptURL: () => '/worker.js' }).createScriptURL('') ?? '/worker.js'
  void navigator.serviceWorker.register(path as string).catch(() => undefined)
}

/** Not in every browser, nor in TypeScript's types of them. */
interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(text: string): string }
  ): { createScriptURL(text: string): unknown }
}
