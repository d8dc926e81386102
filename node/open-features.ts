/** Makes features of their declarations: each gets its settings, its database and its events, and no other's. */

import { join } from 'node:path'
import type * as z from 'zod'
import { EVENTS } from '../interface/events.ts'
import type { Logger } from '../interface/lifecycle.ts'
import type { FacetName, LumosNode } from '../interface/node.ts'
import { FeatureDatabase } from '../storage/database/feature-database.ts'
import type { DataDir } from '../storage/home/data-dir.ts'
import type { Feature, FeatureComponents, FeatureDeclaration } from './feature.ts'
import type { ModelAccess } from './membership/index.ts'

/** Part of the name of a file. */
const FEATURE_NAME = /^[a-z]{1,32}$/

export interface OpenFeaturesComponents
  extends Omit<FeatureComponents, 'settings' | 'database' | 'directory' | 'offeredTo'> {
  readonly home: Pick<DataDir, 'featureDatabase' | 'path'>
  readonly access: Pick<ModelAccess, 'to'>
  /** By the name of the feature. */
  readonly settings: Readonly<Record<string, unknown>>
}

/** The events of all features. Throws for a name that is taken, or that is not of the feature's own. */
export function declaredEvents(declarations: readonly FeatureDeclaration[]): Record<string, z.ZodType> {
  const declared: Record<string, z.ZodType> = {}
  const names = new Set<string>()
  for (const { name, domain = name, events = {} } of declarations) {
    if (!FEATURE_NAME.test(name) || names.has(name)) throw new Error(`A feature cannot be named ${name}.`)
    names.add(name)
    for (const [event, schema] of Object.entries(events)) {
      if (!event.startsWith(`${domain}.`) || Object.hasOwn(EVENTS, event) || Object.hasOwn(declared, event))
        throw new Error(`The feature ${name} declares the event ${event}.`)
      declared[event] = schema
    }
  }
  return declared
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
  const { name, domain = name, events = {}, tables, begins = [] } = declaration
  const { home, settings, access, ...shared } = components
  const store = tables && new FeatureDatabase(home.featureDatabase(name, tables), tables)
  const feature = await declaration.create({
    ...shared,
    settings: settings[name],
    directory: join(home.path, name),
    offeredTo: model => access.to(model),
    get database() {
      if (store === undefined) throw new Error(`The feature ${name} declares no tables.`)
      return store.database
    },
    begin(kind, input) {
      if (!kind.startsWith(`${domain}.`) && !begins.includes(kind))
        throw new Error(`The feature ${name} begins the job ${kind}.`)
      return components.begin(kind, input)
    },
    emit(event, data) {
      if (!Object.hasOwn(events, event)) throw new Error(`The feature ${name} has no event ${event}.`)
      components.emit(event, events[event as keyof typeof events]!.parse(data) as typeof data)
    }
  })
  for (const kind of feature.jobs ?? [])
    if (!kind.name.startsWith(`${domain}.`))
      throw new Error(`The feature ${name} brings the job ${kind.name}.`)
  return {
    name,
    facet: feature.facet,
    topics: feature.topics ?? [],
    jobs: feature.jobs ?? [],
    around: service => feature.around?.(service) ?? service,
    join(mesh) {
      // Before the feature reads what it knows of the mesh.
      store?.enter(mesh.meshId)
      return feature.join?.(mesh) ?? {}
    },
    close: () => feature.close?.()
  }
}

/** Each facet under the name of its feature. */
export function withFacets(node: Omit<LumosNode, FacetName>, features: readonly Feature[]): LumosNode {
  for (const { name, facet } of features) {
    if (facet === undefined) continue
    if (name in node) throw new Error(`A feature cannot be named ${name}: a node has that already.`)
    Object.defineProperty(node, name, { value: facet, enumerable: true })
  }
  return node as LumosNode
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
