/**
 * Opens a home and makes what a node keeps across meshes: keys, stores, engines
 * and log. The parts that take part in one mesh are made by `mesh/compose.ts`.
 */

import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { systemClock } from '../interface/clock.ts'
import type { LumosNode } from '../interface/node.ts'
import { openCertificate } from '../protocols/membership/index.ts'
import { type DataDir, openDataDir } from '../storage/home/data-dir.ts'
import { JobStore } from '../storage/jobs/job-store.ts'
import { isKeyProtected, type KeyOptions, loadIdentityKey, renewKey } from '../storage/keys/keychain.ts'
import { readPassphrase } from '../storage/keys/passphrase.ts'
import { MeshStore, type StoredMesh } from '../storage/mesh/mesh-store.ts'
import { watchHealth } from './device/index.ts'
import { EventBus } from './events/event-bus.ts'
import type { FeatureDeclaration } from './feature.ts'
import { FEATURES, sectionsOf } from './features.ts'
import { Jobs } from './jobs/jobs.ts'
import { createLog } from './log/log.ts'
import { MeshNode } from './lumos-node.ts'
import { foundMesh, needsRenewal, RootKey, warnOfNames } from './membership/index.ts'
import type { Identity, NodeContext } from './mesh/context.ts'
import { MeshSwitching } from './mesh/switching.ts'
import { lanNetwork } from './network/lan-network.ts'
import type { Network } from './network/libp2p.ts'
import { placeToListen } from './network/listen-port.ts'
import type { OpenGateway } from './network/mdns/gateway-service.ts'
import { closeFeatures, declaredEvents, openFeatures, withFacets } from './open-features.ts'
import { openModels } from './open-models.ts'
import type { LumosNodeOptions } from './options.ts'
import { PeerProtocols } from './peer-protocols.ts'
import { type Config, type LoadedConfig, loadConfig } from './settings/config.ts'
import { traceRequests } from './trace/index.ts'

export interface MeshNodeOptions extends LumosNodeOptions {
  /** Default: TCP and mDNS as the settings say. */
  readonly network?: Network
  /** Powers besides those that every node has. */
  readonly features?: readonly FeatureDeclaration[]
}

/** What the programs around a node need of its home. */
export type NodeHome = Pick<
  DataDir,
  'path' | 'logDir' | 'socketPath' | 'tokenPath' | 'gatewayToken' | 'tokens' | 'writeRunFile' | 'refuseGrowth'
>

/** A node, with what its process, and simulations, need beside its own interface. */
export interface OpenedNode {
  readonly node: LumosNode
  readonly home: NodeHome
  readonly switching: MeshSwitching
  /** Programs on the local networks find this gateway from now on. */
  announceGateway(gateway: OpenGateway): void
}

/** The node alone; see {@link openNode}. */
export async function createLumosNode(options?: MeshNodeOptions): Promise<LumosNode> {
  return (await openNode(options)).node
}

/**
 * Open the home and make a node of it; `start` connects it. The caller must stop the node, which also closes the home.
 *
 * @throws {LumosError} `CONFIG_INVALID`, `HOME_LOCKED`, `HOME_NEWER`, `KEY_LOCKED`, `STORE_DAMAGED` or
 *   `STORE_FULL`; nothing stays open then.
 */
export async function openNode(options: MeshNodeOptions = {}): Promise<OpenedNode> {
  const { clock = systemClock } = options
  const declared = [...FEATURES, ...(options.features ?? [])]
  const loaded = await loadConfig({
    home: options.home,
    flags: options.settings,
    sections: sectionsOf(declared)
  })

  await using opened = new AsyncDisposableStack()
  const ownLog = options.log ? undefined : opened.use(createLog({ clock, level: loaded.config.log.level }))
  const log = options.log ?? ownLog!
  const home = opened.use(await openDataDir(loaded.home, { log }))
  ownLog?.openFile(home.logDir)
  const store = new MeshStore(home.core)
  const config: Config = { ...loaded.config, name: await nameOf(loaded, store) }
  warnOfNames(config.access, log)

  const random = options.random ?? Math.random
  const events = new EventBus({ clock, random, declared: declaredEvents(declared) })
  const emit: NodeContext['emit'] = (name, data) => events.emit(name, data)
  const ground = { config, home, clock, random, log, emit }
  // First, because nothing else matters when they do not open.
  const keys = await keyOptions(options, ground)
  const identity = identityOf(await loadIdentityKey(home.identityPath, keys))
  let switching: MeshSwitching | undefined
  const { peerId } = identity
  const models = await openModels(options, { ...ground, peerId, env: loaded.env, opened }, () =>
    switching?.session.offerChanged()
  )
  const features = await openFeatures(declared, {
    ...{ ...ground, ...models, env: loaded.env, settings: config },
    events,
    toServe: [...new Set([...config.models.pinned, ...config.models.warm])],
    begin: (kind, input) => jobs.begin(kind, input),
    watchJob: (id, watching) => jobs.watch(id, watching)
  })
  for (const { around } of features) if (around !== undefined) models.serving.surround(around)
  opened.defer(() => closeFeatures(features, log))
  const protocols = new PeerProtocols(ground)
  const node: NodeContext = {
    ...ground,
    ...identity,
    ...models,
    features: [models.serving, protocols, ...features],
    network: options.network ?? (await ownNetwork(config, ground)),
    store,
    root: new RootKey(home.meshRootPath, keys),
    newIdentity: async () => identityOf(await renewKey(home.identityPath, keys))
  }
  switching = await MeshSwitching.of(node, await ownMesh(node))
  const kept = opened.move()
  const jobs: Jobs = jobsOf(node, events)
  const parts = { events, jobs, switching, protocols: protocols.facet }
  const lumos = new MeshNode(parts, () => kept.disposeAsync())
  watchHealth(events, () => lumos.status())
  traceRequests({ clock, log, events, explained: id => lumos.explained(id) })
  const announceGateway = (gateway: OpenGateway) => node.network.announce?.(gateway)
  return { node: withFacets(lumos, features), home, switching, announceGateway }
}

/** The long work that the features of this node bring. */
function jobsOf({ clock, random, log, home, features }: NodeContext, events: EventBus): Jobs {
  const kinds = features.flatMap(({ jobs = [] }) => jobs)
  return new Jobs({ clock, random, log, store: new JobStore(home.core), events, kinds })
}

/** A name that was given once stays until another is given: the last certificate has it. */
async function nameOf({ config, origins }: LoadedConfig, store: MeshStore): Promise<string> {
  const known = store.mesh()
  if (origins.name !== 'default' || known === undefined) return config.name
  return (await openCertificate(known.chain[0]!)).value.name
}

/** The mesh this node belongs to; on its first start, one of its own, of which it is the first admin. */
async function ownMesh({ root, store, config, clock, peerId }: NodeContext): Promise<StoredMesh> {
  await root.load()
  const known = store.mesh()
  const device = { subject: peerId, name: config.name }
  if (known !== undefined) {
    const rootKey = root.of(known.id)
    const last = (await openCertificate(known.chain[0]!)).value
    const isOwn = last.subject === peerId
    const counts = !needsRenewal(last, clock.wallMs())
    if (isOwn && (rootKey === undefined || (last.name === config.name && counts))) return known
    if (rootKey !== undefined) {
      // A device with the root key renews itself, and has the name that its settings say now.
      const { chain } = await foundMesh(device, known.name, rootKey, clock, last)
      store.enter({ ...known, chain })
      return { ...known, chain }
    }
    // The identity is another one than that which belonged to the mesh.
  }
  const founded = await foundMesh(device, config.mesh.name, await root.create(), clock)
  store.enter(founded)
  return founded
}

const identityOf = (privateKey: PrivateKey): Identity => ({
  peerId: peerIdFromPrivateKey(privateKey).toString(),
  privateKey
})

/** How every key of this home is opened and made. */
async function keyOptions(
  options: LumosNodeOptions,
  { config, home, log }: Pick<NodeContext, 'config' | 'home' | 'log'>
): Promise<KeyOptions> {
  const { passphraseFile } = config.keys
  if (passphraseFile !== null) return { passphrase: readPassphrase(passphraseFile), log }
  return { passphrase: isKeyProtected(home.identityPath) ? await options.passphrase?.() : undefined, log }
}

async function ownNetwork(
  { swarm }: Config,
  { clock, log }: Pick<NodeContext, 'clock' | 'log'>
): Promise<Network> {
  const place = await placeToListen(swarm.host, swarm.port)
  if (place.port !== swarm.port && swarm.port !== 0)
    log.warn({ wanted: swarm.port, port: place.port }, 'the swarm port is taken; using another')
  return lanNetwork({ ...swarm, ...place }, { clock, log })
}
