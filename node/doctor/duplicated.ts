/** What `peers`, `members` and `doctor` say of a key that two homes use. */

export const DUPLICATED_FIX = 'On the copy, run: lumos-node leave --new-identity'

export const duplicatedNote = (items: readonly { name: string; duplicated: boolean }[]): string[] =>
  items.flatMap(({ name, duplicated }) => (duplicated ? [`${duplicatedWords(name)} ${DUPLICATED_FIX}`] : []))

export const duplicatedWords = (name: string): string => `Two devices use the key of "${name}".`
