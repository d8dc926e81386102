/** Makes features of their declarations: each gets its settings, its database and its events, and no other's. */

import type { Logger } from '../interface/lifecycle.ts'
import type { LumosNode } from '../interface/node.ts'
import { FeatureDatabase, NO_TABLES } from '../storage/database/feature-database.ts'
import type { DataDir } from '../storage/home/data-dir.ts'
import type { Feature, FeatureComponents, FeatureDeclaration } from './feature.ts'

export interface OpenFeaturesComponents extends Pick<FeatureComponents, 'clock' | 'random' | 'log'> {
  readonly home: Pick<DataDir, 'featureDatabase'>
  /** By the name of the feature. */
  readonly settings: Readonly<Record<string, unknown>>
  emit(name: string, data: unknown): void
}

export async function openFeatures(
  declarations: readonly FeatureDeclaration[],
  components: OpenFeaturesComponents
): Promise<Feature[]> {
  const features: Feature[] = []
  try {
    for (const declaration of declarations) features.push(await open(declaration, components))
    return features
  } catch (thrown) {
    await closeFeatures(features, components.log)
    throw thrown
  }
}

async function open(declaration: FeatureDeclaration, components: OpenFeaturesComponents): Promise<Feature> {
  const { name, events = {}, tables = NO_TABLES } = declaration
  const { clock, random, log, home, settings } = components
  for (const event of Object.keys(events))
    if (!event.startsWith(`${name}.`)) throw new Error(`The feature ${name} declares the event ${event}.`)
  const store = new FeatureDatabase(home.featureDatabase(name, tables), tables)
  const feature = await declaration.create({
    clock,
    random,
    log,
    settings: settings[name],
    database: store.database,
    emit(event, data) {
      if (!Object.hasOwn(events, event)) throw new Error(`The feature ${name} has no event ${event}.`)
      components.emit(event, events[event as keyof typeof events]!.parse(data))
    }
  })
  return {
    name,
    facet: feature.facet,
    topics: feature.topics ?? [],
    join(mesh) {
      // Before the feature reads what it knows of the mesh.
      store.enter(mesh.meshId)
      return feature.join(mesh)
    },
    close: () => feature.close?.()
  }
}

/** Each facet under the name of its feature. */
export function withFacets(node: LumosNode, features: readonly Feature[]): LumosNode {
  for (const { name, facet } of features) {
    if (facet === undefined) continue
    if (name in node) throw new Error(`A feature cannot be named ${name}: a node has that already.`)
    Object.defineProperty(node, name, { value: facet, enumerable: true })
  }
  return node
}

export async function closeFeatures(features: readonly Feature[], log: Logger): Promise<void> {
  for (const { name, close } of features.toReversed()) {
    try {
      await close?.()
    } catch (err) {
      log.error({ feature: name, err }, 'did not close cleanly')
    }
  }
}
