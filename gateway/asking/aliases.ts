/** Names that programs use for models of others, such as those of Claude, and the models that the settings put there. */

export type Aliases = Readonly<Record<string, string>>

/** A name that ends with `*` stands for all that begin so; of several, the longest counts. */
export function modelCalled(name: string, aliases: Aliases): string {
  if (Object.hasOwn(aliases, name)) return aliases[name]!
  const fits = Object.keys(aliases).filter(
    alias => alias.endsWith('*') && name.startsWith(alias.slice(0, -1))
  )
  const [longest] = fits.sort((a, b) => b.length - a.length)
  return longest === undefined ? name : aliases[longest]!
}
