/** Where a model is, in one cell. */

import type { SnakeCase } from '../../../interface/snake-case.ts'
import type { ModelList } from '../../../units/model.ts'

type Provider = SnakeCase<ModelList>['items'][number]['providers'][number]

/** A model that its owner offers to no other device is told from one that others may ask, too. */
export function whereOf({ name, route, offered_to: to, leaves_mesh: leaves }: Provider): string {
  const where = route !== 'local' ? name : to === null ? `${name} (here only)` : `${name} (here)`
  return leaves ? `${where}, by a server outside` : where
}
