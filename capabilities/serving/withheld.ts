/** Models that lie here and are not to be served. */

import type { Model } from '../host/engine.ts'

/** All models, and the ids of those whose files change. */
export type Given = readonly [models: readonly Model[], changing: readonly string[]]

/** A model that is withheld by one of its names is withheld under all. */
export const withoutThose = (withheld: ReadonlySet<string>, ...[models, changing]: Given): Given => [
  models.filter(({ id, aliases = [] }) => ![id, ...aliases].some(name => withheld.has(name))),
  changing.filter(id => !withheld.has(id))
]
