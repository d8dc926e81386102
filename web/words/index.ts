/** The language of the page: a file each, and another one is a line here. */

import { Store, useStore } from '../state.ts'
import { en } from './en.ts'
import { zh } from './zh.ts'

/** What a language must say. */
export type Words = typeof en

export const LANGUAGES: Readonly<Record<string, { readonly name: string; readonly words: Words }>> = {
  en: { name: 'English', words: en },
  zh: { name: '中文', words: zh }
}

const KEPT = 'lumos.language'

const known = (tag: string | null): string | undefined =>
  tag === null ? undefined : Object.keys(LANGUAGES).find(name => tag.toLowerCase().startsWith(name))

const chosen = new Store({ language: known(localStorage.getItem(KEPT)) ?? known(navigator.language) ?? 'en' })
document.documentElement.lang = chosen.value.language

export const language = (): string => chosen.value.language

export function choose(language: string): void {
  localStorage.setItem(KEPT, language)
  document.documentElement.lang = language
  chosen.set({ language })
}

export const words = (): Words => LANGUAGES[chosen.value.language]!.words

/** The words, for a part that is drawn again in another language. */
export function useWords(): Words {
  useStore(chosen)
  return words()
}
