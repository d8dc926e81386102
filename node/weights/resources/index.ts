/** Resources of Lumen: its configuration, what that asks for, and what is in its cache; the services of a node in its form. */

export { problemText } from '../repositories/problem.ts'
export { isOfLumen, KNOWN_SERVICES, type KnownService } from './known-services.ts'
export { listResources } from './list.ts'
export {
  BESIDE_SERVICES,
  isWholeText,
  pullOf,
  type ServiceModel,
  type ServiceSettings,
  type ServicesSettings,
  servicesSettings,
  smallerOf,
  unusedOf
} from './services.ts'
export { wantsOf } from './wants.ts'

/** What reads a configuration of Lumen, loaded when first used: YAML takes a megabyte of memory. */
export const loadReader = () => import('./configuration.ts')
