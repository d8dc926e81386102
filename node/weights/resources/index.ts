/** Resources of Lumen: its configuration, what that asks for, and what is in its cache. */

export { problemText } from '../repositories/problem.ts'
export { checkConfiguration, readConfiguration } from './configuration.ts'
export { listResources } from './list.ts'
export { wantsOf } from './wants.ts'
