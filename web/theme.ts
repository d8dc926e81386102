/** Light or dark: as the system says, or as the reader chose on this device. */

import { Store } from './state.ts'

export const THEMES = ['system', 'light', 'dark'] as const
type Theme = (typeof THEMES)[number]

const KEPT = 'lumos.theme'
const isTheme = (name: string | null): name is Theme => (THEMES as readonly (string | null)[]).includes(name)

const kept = localStorage.getItem(KEPT)
export const look = new Store<{ theme: Theme }>({ theme: isTheme(kept) ? kept : 'system' })
show(look.value.theme)

export function chooseTheme(name: string): void {
  if (!isTheme(name)) return
  localStorage.setItem(KEPT, name)
  look.set({ theme: name })
  show(name)
}

function show(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}
