/** Which screen: `#/models/tiny-llm` is the screen `models` with `tiny-llm`. */

import { useEffect, useState } from 'preact/hooks'

export interface Place {
  readonly screen: string
  readonly rest: readonly string[]
}

function placeOf(hash: string): Place {
  const [screen = '', ...rest] = hash
    .replace(/^#\/?/, '')
    .split('/')
    .map(part => {
      try {
        return decodeURIComponent(part)
      } catch {
        return part
      }
    })
  return { screen: screen || 'home', rest }
}

export const linkTo = (screen: string, ...rest: readonly string[]): string =>
  `#/${[screen, ...rest].map(encodeURIComponent).join('/')}`

export const goTo = (screen: string, ...rest: readonly string[]): void => {
  location.hash = linkTo(screen, ...rest)
}

export function usePlace(): Place {
  const [place, set] = useState(() => placeOf(location.hash))
  useEffect(() => {
    const changed = () => set(placeOf(location.hash))
    addEventListener('hashchange', changed)
    return () => removeEventListener('hashchange', changed)
  }, [])
  return place
}
