/**
 * Makes a node out of its parts: the only place that constructs them and knows
 * which part needs which.
 */

import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import {
  detectHardware,
  discoverModels,
  echoModel,
  type Model,
  onnxModel,
  Registry
} from '../capabilities/index.ts'
import { type Clock, type Random, systemClock } from '../interface/clock.ts'
import { OverloadedError } from '../interface/errors.ts'
import type { EventData, EventName } from '../interface/events.ts'
import { ADDRESSES_MAX, type Hardware, type SignedManifest } from '../interface/manifest.ts'
import { INFERENCE_PROTOCOL, InferenceHandler } from '../protocols/inference/index.ts'
import { INFERENCE_STREAMS_INBOUND_MAX } from '../protocols/limits.ts'
import { type DataDir, openDataDir } from '../storage/data-dir.ts'
import { SqliteDatastore } from '../storage/datastore.ts'
import { isKeyProtected, type KeyOptions, loadIdentityKey } from '../storage/keychain.ts'
import { ManifestLog } from '../storage/manifest-log.ts'
import { readPassphrase } from '../storage/passphrase.ts'
import { Announcer } from './announcer.ts'
import { type Config, loadConfig } from './config.ts'
import { Discovery } from './discovery.ts'
import { createMeshLibp2p, lanNetwork, type MeshLibp2p, type Network } from './libp2p.ts'
import { firstFreePort } from './listen-port.ts'
import { createLog, type NodeLogger } from './log.ts'
import { libp2pLogger } from './log-libp2p.ts'
import { type Lifecycle, MeshNode } from './lumos-node.ts'
import { ManifestSync } from './manifest-sync.ts'
import { Peers } from './peers.ts'
import { ProviderTable } from './provider-table.ts'
import type { Candidate } from './rank.ts'
import { Router } from './router.ts'
import { TrackRecords } from './track-record.ts'
import { VERSION } from './version.ts'

export interface LumosNodeOptions {
  /** Directory that holds everything of this node. Default: `LUMOS_HOME`, else the platform's folder. */
  readonly home?: string
  /** Settings by key as in `lumos.yaml` (`'swarm.port': 0`); they overrule environment and file. */
  readonly settings?: Readonly<Record<string, unknown>>
  /** Models besides those found on disk. */
  readonly models?: readonly Model[]
  /** Asked at most once, when the keys are under a passphrase and `keys.passphraseFile` is not set. */
  readonly passphrase?: () => Promise<string | undefined>
  /** Default: a file in the home, and warnings on stderr. */
  readonly log?: NodeLogger
  readonly clock?: Clock
  readonly random?: Random
  /** Default: TCP and mDNS as the settings say. */
  readonly network?: Network
}

/**
 * Open the home and make a node of it; `start` connects it.
 *
 * Whoever gets the node must stop it, which also closes the home.
 *
 * @throws {LumosError} `CONFIG_INVALID`, `HOME_LOCKED`, `HOME_NEWER`, `KEY_LOCKED`, `STORE_DAMAGED` or
 *   `STORE_FULL`; nothing stays open then.
 */
export async function createLumosNode(options: LumosNodeOptions = {}): Promise<MeshNode> {
  const { clock = systemClock, random = Math.random } = options
  const { config, home: path } = loadConfig({ home: options.home, flags: options.settings })

  await using opened = new AsyncDisposableStack()
  const ownLog = options.log ? undefined : opened.use(createLog({ clock, level: config.log.level }))
  const log = options.log ?? ownLog!
  const home = opened.use(await openDataDir(path, { log }))
  ownLog?.openFile(home.logDir)

  const keys = await keyOptions(options, { config, home, log })
  const hardware = await detectHardware()
  const ground: Ground = {
    config,
    home,
    clock,
    random,
    log,
    hardware,
    models: await modelsOf(options, { config, home, clock, log, hardware }),
    privateKey: await loadIdentityKey(home.identityPath, keys),
    network: options.network ?? lanNetwork({ ...config.swarm, port: await swarmPort(config, log) })
  }
  let kept: AsyncDisposableStack
  const node = await compose(ground, { part: 'home', stop: () => kept.disposeAsync() })
  kept = opened.move()
  return node
}

/** How every key of this home is opened and made. */
async function keyOptions(
  options: LumosNodeOptions,
  { config, home, log }: Pick<Ground, 'config' | 'home' | 'log'>
): Promise<KeyOptions> {
  const { passphraseFile } = config.keys
  if (passphraseFile !== null) return { passphrase: readPassphrase(passphraseFile), log }
  return { passphrase: isKeyProtected(home.identityPath) ? await options.passphrase?.() : undefined, log }
}

/** What the parts are made of. */
interface Ground {
  readonly config: Config
  readonly home: DataDir
  readonly clock: Clock
  readonly random: Random
  readonly log: NodeLogger
  readonly hardware: Hardware
  readonly models: readonly Model[]
  readonly privateKey: PrivateKey
  readonly network: Network
}

/** The models that ship with the node lie beside the source and beside `dist` alike. */
const BUILTIN_MODELS = fileURLToPath(new URL('../models', import.meta.url))

async function modelsOf(
  options: LumosNodeOptions,
  { config, home, clock, log, hardware }: Pick<Ground, 'config' | 'home' | 'clock' | 'log' | 'hardware'>
): Promise<Model[]> {
  const builtin = config.models.builtin ? [BUILTIN_MODELS] : []
  const found = await discoverModels([home.modelsDir, ...config.models.directories, ...builtin], log)
  return [
    ...found.map(model => onnxModel(model, { clock, log, cores: hardware.cores })),
    ...(config.engines.echo ? [echoModel({ clock })] : []),
    ...(options.models ?? [])
  ]
}

async function swarmPort({ swarm }: Config, log: NodeLogger): Promise<number> {
  const port = await firstFreePort(swarm.host, swarm.port)
  if (port !== swarm.port) log.warn({ wanted: swarm.port, port }, 'the swarm port is taken; using another')
  return port
}

/** A peer that is told this asks another one; by the time it returns this node is gone. */
const STOPPING_RETRY_AFTER_MS = 60_000

async function compose(ground: Ground, homeLife: Lifecycle): Promise<MeshNode> {
  const { config, home, clock, random, log, hardware, privateKey } = ground
  const peerId = peerIdFromPrivateKey(privateKey).toString()
  const events = new EventTarget()
  const emit = <N extends EventName>(name: N, detail: EventData<N>): void => {
    events.dispatchEvent(new CustomEvent(name, { detail }))
  }

  const manifestLog = new ManifestLog(home.core, home.cache, clock)
  const table = new ProviderTable()
  for (const accepted of manifestLog.all()) table.remember(accepted)
  const records = new TrackRecords()

  const libp2p: MeshLibp2p = await createMeshLibp2p({
    privateKey,
    datastore: new SqliteDatastore(home.cache),
    logger: libp2pLogger(log),
    network: ground.network,
    mesh: config.mesh.name,
    dht: config.swarm.dht,
    agent: `lumos-node/${VERSION}`,
    onSighted: peer => discovery.sighted(peer)
  })
  const registry = new Registry({
    clock,
    random,
    log,
    models: ground.models,
    onChange: () => announcer.changed()
  })
  let draining = false
  const handler = new InferenceHandler({
    service: registry,
    clock,
    log,
    authorize() {
      if (draining) throw new OverloadedError('This node is stopping.', STOPPING_RETRY_AFTER_MS)
    }
  })

  const nameOf = (id: string) => table.get(id, clock.monotonicMs())?.manifest.name
  const peers = new Peers({
    libp2p,
    table,
    clock,
    onJoined: id => emit('peer.joined', { peerId: id, name: nameOf(id) }),
    onLeft: id => emit('peer.left', { peerId: id, name: nameOf(id) })
  })
  const strangers = new Set<string>()
  const discovery = new Discovery({
    libp2p,
    clock,
    random,
    log,
    addresses: ground.network.dial,
    wants: id => !strangers.has(id)
  })

  const onNews = (signed: SignedManifest): void => {
    const { peerId: id, epoch, sequence, capabilities } = signed.manifest
    manifestLog.store({ peerId: id, epoch, sequence, hash: signed.hash, envelope: signed.envelope })
    peers.heardOf(id)
    emit('manifest.updated', { peerId: id, epoch, sequence, capabilities: capabilities.length })
  }
  const sync: ManifestSync = new ManifestSync({
    libp2p,
    table,
    clock,
    random,
    log,
    mesh: config.mesh.name,
    own: () => announcer.current,
    onNews,
    onHello: ({ manifest }, rttMs) => peers.introduce(manifest.peerId, rttMs),
    onStranger: id => strangers.add(id)
  })
  const announcer: Announcer = new Announcer({
    clock,
    random,
    log,
    privateKey,
    peerId,
    epoch: manifestLog.epoch,
    nextSequence: () => manifestLog.nextSequence(),
    offer: () => ({
      name: config.name,
      software: `lumos-node/${VERSION}`,
      hardware,
      addresses: libp2p.getMultiaddrs().map(String).slice(0, ADDRESSES_MAX),
      capabilities: registry.capabilities()
    }),
    publish: signed => sync.publish(signed)
  })

  // Where this node listens is known only once it does, and changes with the network.
  libp2p.addEventListener('self:peer:update', () => announcer.changed())

  const candidates = (wanted: { task?: string; model?: string }): Candidate[] => {
    const nowMs = clock.monotonicMs()
    return table
      .providers(wanted, nowMs)
      .filter(provider => !peers.isLost(provider.peerId))
      .map(({ peerId: id, name, capability }) => ({
        peerId: id,
        name,
        local: id === peerId,
        connected: peers.isConnected(id),
        rttMs: peers.rttMs(id),
        capability,
        record: records.get(id, capability.model, nowMs)
      }))
  }
  const router = new Router({
    clock,
    log,
    records,
    newId: randomUUID,
    candidates,
    service: id => (id === peerId ? registry : peers.client(id)),
    peersNamed: name => [
      ...new Set(
        table
          .alive(clock.monotonicMs())
          .filter(({ manifest }) => manifest.peerId === name || manifest.name === name)
          .map(({ manifest }) => manifest.peerId)
      )
    ],
    emit
  })

  return new MeshNode({
    peerId,
    name: config.name,
    config,
    home,
    clock,
    log,
    events,
    lifecycle: [
      homeLife,
      { part: 'engines', start: () => registry.start(), stop: () => registry.stop() },
      // Peers may come as soon as libp2p listens, so all that meets them is ready before.
      { part: 'announcer', start: () => announcer.start(), stop: () => announcer.stop() },
      { part: 'manifests', start: () => sync.start(), stop: () => sync.stop() },
      {
        part: 'inference',
        start: () =>
          libp2p.handle(INFERENCE_PROTOCOL, handler.onStream, {
            maxInboundStreams: INFERENCE_STREAMS_INBOUND_MAX
          }),
        stop: () => {
          handler.close()
          return peers.close()
        }
      },
      { part: 'network', start: () => libp2p.start(), stop: () => libp2p.stop() },
      { part: 'gossip', start: () => sync.subscribe() },
      { part: 'discovery', start: () => discovery.start(), stop: () => discovery.stop() }
    ],
    serving: () => registry.models().reduce((sum, { running, queued }) => sum + running + queued, 0),
    refuseRequests: () => {
      draining = true
    },
    infer: (request, options) => router.infer(request, options),
    peers: () => peers.list(),
    candidates: () => candidates({}),
    status: uptimeS => ({
      peerId,
      name: config.name,
      version: VERSION,
      mesh: config.mesh.name,
      uptimeS,
      addresses: libp2p.getMultiaddrs().map(String),
      peers: peers.count,
      memoryBytes: process.memoryUsage.rss() + registry.memoryBytes(),
      hardware
    })
  })
}
