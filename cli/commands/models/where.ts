/** Where a model is, in one cell. */

import type { SnakeCase } from '../../../interface/snake-case.ts'
import type { ModelList } from '../../../units/model.ts'

type Provider = SnakeCase<ModelList>['items'][number]['providers'][number]

/** A model that its owner offers to no other device is told from one that others may ask, too. */
export function whereOf({ name, route, offered_to: to }: Provider): string {
  if (route !== 'local') return name
  return to === null ? `${name} (here only)` : `${name} (here)`
}
