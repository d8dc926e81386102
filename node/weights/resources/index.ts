/** Resources of Lumen: its configuration, what that asks for, and what is in its cache. */

export { checkConfiguration, readConfiguration } from './configuration.ts'
export { type ListedResource, listResources } from './list.ts'
export { type RepositoryWanted, wantsOf } from './wants.ts'
