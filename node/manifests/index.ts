/** Manifests: what each node says that it can do, and how every node hears of it. */

export { composeManifests, knownManifests, type MeshManifests } from './mesh-manifests.ts'
export type { ProviderTable } from './provider-table.ts'
