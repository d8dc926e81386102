/** The half of a node that asks: whom to ask, in which order, and what follows a failure. */

export { composeRouting, type MeshRouting } from './mesh-routing.ts'
export type { OwnService } from './provider-view.ts'
