/** The features that come with the node, in the order in which they take up a member. Their code is loaded when they are made. */

import { answers } from './answers/index.ts'
import { batch } from './batch/index.ts'
import { device } from './device/index.ts'
import { engines } from './engines/index.ts'
import type { FeatureDeclaration } from './feature.ts'
import { journal } from './journal/index.ts'
import { memory } from './memory/index.ts'
import { metrics } from './metrics/index.ts'
import { models } from './models/index.ts'
import { remote } from './remote/index.ts'
import { resources } from './resources/index.ts'
import { services } from './services/index.ts'
import type { FeatureSections } from './settings/config-schema.ts'
import { wake } from './wake/index.ts'
import { weights } from './weights/index.ts'

export const FEATURES: readonly FeatureDeclaration[] = [
  models,
  engines,
  weights,
  services,
  memory,
  answers,
  batch,
  wake,
  device,
  resources,
  journal,
  metrics,
  remote
]

export const sectionsOf = (features: readonly FeatureDeclaration[]): FeatureSections =>
  Object.fromEntries(features.flatMap(({ name, settings }) => (settings ? [[name, settings]] : [])))
