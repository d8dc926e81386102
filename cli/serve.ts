/**
 * A node as a process: the node itself, its gateway, its log, and what the
 * operating system tells it. The only part of the command line that loads the
 * mesh stack.
 */

import { join } from 'node:path'
import { Gateway, NamedTokens } from '../gateway/index.ts'
import { systemClock } from '../interface/clock.ts'
import type { LumosNode } from '../interface/node.ts'
import { useSmallSlabs } from '../node/buffer-slabs.ts'
import { type NodeHome, openNode } from '../node/create-node.ts'
import { clockWarning } from '../node/doctor/clock-warning.ts'
import { createLog, type Log } from '../node/log/log.ts'
import { LogReader } from '../node/log/log-reader.ts'
import { serverCertificate } from '../node/server-certificate.ts'
import { type Config, type LoadedConfig, loadConfig } from '../node/settings/config.ts'
import { SettingsFile, type SettingsFileOptions } from '../node/settings/settings-file.ts'
import { adoptedPortsOf } from '../storage/home/adopted-ports.ts'
import { makeGatewayToken } from '../storage/home/gateway-token.ts'
import { readRunFile } from '../storage/home/run-file.ts'
import { sessionFile } from '../storage/home/session-file.ts'
import type { UnitRegistry } from '../units/index.ts'
import { startFailure } from './few-files.ts'
import { HomeWatch } from './home-watch.ts'
import { type GivenNames, ignoredNames } from './ignored.ts'
import type { StartOptions } from './invocation.ts'
import { askSecret, canAsk } from './prompt.ts'
import { askParent, failed, type Ready, tellParent } from './ready.ts'

/** Requests under way get this long when the node is told to stop. */
const DRAIN_MS = 10_000
/** All parts have stopped by then; libraries leave timers of seconds behind, which are not waited for. */
const LINGER_MS = 50

const PORT_TAKEN =
  'Another program holds UDP port 5353 for itself: peers on this network are not found. See: lumos-node doctor'

/** Resolves when the node has stopped. */
export async function serve(options: StartOptions, onReady: (ready: Ready) => void): Promise<void> {
  const stopping = Promise.withResolvers<void>()
  const stop = () => stopping.resolve()
  stopOnSignal(stop)
  outliveReaders()
  useSmallSlabs()

  try {
    const settings = settingsOf(options)
    const loaded = await loadConfig({ home: options.home, flags: settings })
    const { config } = loaded
    using log = createLog({
      clock: systemClock,
      level: config.log.level,
      stderrLevel: options.verbose ? 'info' : 'warn'
    })
    logCrash(log)

    const { node, home, announceGateway } = await openNode({ home: options.home, settings, log, passphrase })
    log.openFile(home.logDir)
    const tokens = new NamedTokens({ store: home.tokens, clock: systemClock, log })
    // Made once, for the gateway and for peers; the next call tries again where the files could not be read.
    let registry: Promise<UnitRegistry> | undefined
    const units = () => {
      registry ??= createUnitsOf()
      registry.catch(() => {
        registry = undefined
      })
      return registry
    }
    const createUnitsOf = async () =>
      (await import('../units/index.ts')).createUnits({
        node,
        ...ownFiles(node, home, { home: options.home, flags: settings, running: loaded }),
        gatewayUrl: () => gateway.url,
        refusedOrigins: () => gateway.refusedOrigins,
        rotateToken: () => gateway.rotateToken(),
        pageLink: user => gateway.link(user),
        tokens,
        adoption: gateway.adoption,
        grpc: () => gateway.grpc.state(),
        stop
      })
    node.remote.serve(units)
    const gateway = new Gateway(
      { units, clock: systemClock, log },
      { ...config.gateway, ...keptFor(home), named: tokens, grpc: grpcOf(config, home) }
    )

    try {
      await node.start()
      await gateway.start()
      if (gateway.reach !== undefined) announceGateway(gateway.reach)
      const ready = announce(node, home, gateway, givenNames(loaded))
      using _watch = watchHome(node, home, gateway, log)
      onReady(ready)
      tellParent(ready)
      await stopping.promise
    } finally {
      // Both drain: an answer on its way out through one comes from the other.
      await Promise.all([gateway.close({ drainMs: DRAIN_MS }), node.stop({ drainMs: DRAIN_MS })])
    }
  } catch (thrown) {
    const failure = startFailure(thrown)
    tellParent(failed(failure))
    throw failure
  } finally {
    systemClock.setTimer(() => process.exit(), LINGER_MS)
  }
}

/** What the gateway keeps in the home. */
const keptFor = (home: NodeHome) => ({
  socketPath: home.socketPath,
  token: home.gatewayToken(),
  newToken: () => makeGatewayToken(home.tokenPath),
  adopted: adoptedPortsOf(home.path),
  sessions: sessionFile(home.path)
})

/** Its certificate is made when it is first turned on. */
const grpcOf = ({ grpc: { enabled, ...where } }: Config, { path }: NodeHome) =>
  enabled
    ? {
        ...where,
        certificate: async (names: readonly string[]) => serverCertificate(join(path, 'grpc.pem'), names)
      }
    : undefined

/** What units read and change of this process. */
const ownFiles = (node: LumosNode, { logDir }: NodeHome, options: SettingsFileOptions) => ({
  settings: new SettingsFile({ ...options, names: () => node.status() }),
  log: new LogReader(logDir, systemClock)
})

/** Of the keys: from the terminal of this process, or of the one that started it. */
async function passphrase(): Promise<string | undefined> {
  if (process.connected) return askParent()
  return canAsk() ? askSecret('Passphrase: ') : undefined
}

function watchHome(node: LumosNode, home: NodeHome, gateway: Gateway, log: Log): HomeWatch {
  const { path, socketPath } = home
  return new HomeWatch({
    clock: systemClock,
    log,
    home: path,
    socketPath,
    isRunFileRight: () => readRunFile(path)?.name === node.name,
    writeRunFile: () => writeRunFile(node, home, gateway),
    openSocket: () => gateway.openSocket(),
    // To stop in order would write into the home that has taken the place of this one.
    onGone: () => process.exit(1)
  })
}

/** From now on the command line finds this node. */
function announce(node: LumosNode, home: NodeHome, gateway: Gateway, given: GivenNames): Ready {
  const { peerId, name, mesh, addresses } = node.status()
  const ignored = ignoredNames(given, { name, mesh })
  const isPortTaken = node.discovery().links.some(({ state }) => state === 'port-taken')
  const warnings = [...(isPortTaken ? [PORT_TAKEN] : []), ...clockWarning(systemClock.wallMs())]
  writeRunFile(node, home, gateway)
  return {
    event: 'ready',
    peer_id: peerId,
    name,
    gateway: gateway.url!,
    addresses,
    members: node.mesh.members().length,
    ...(ignored.length > 0 && { ignored }),
    ...(warnings.length > 0 && { warnings })
  }
}

function writeRunFile(node: LumosNode, home: NodeHome, gateway: Gateway): void {
  const { peerId, name, version, uptimeS } = node.status()
  home.writeRunFile({
    pid: process.pid,
    peerId,
    name,
    version,
    socketPath: home.socketPath,
    gateway: gateway.url!,
    startedAtMs: systemClock.wallMs() - Math.round(uptimeS * 1000)
  })
}

/** The names that were given by flag, environment or file. */
const givenNames = ({ config, origins }: LoadedConfig): GivenNames => ({
  name: origins.name === 'default' ? undefined : config.name,
  mesh: origins['mesh.name'] === 'default' ? undefined : config.mesh.name
})

/** The first signal asks; the second does not. */
function stopOnSignal(stop: () => void): void {
  const codes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
  let asked = false
  for (const [signal, code] of Object.entries(codes)) {
    // The command line's own handler ends the process at once.
    process.removeAllListeners(signal)
    process.on(signal, () => {
      if (asked) process.exit(code)
      asked = true
      stop()
    })
  }
}

/** A terminal that is closed, and a pipe whose reader is gone, end no node: its log is in its home. */
function outliveReaders(): void {
  // The command line's own handler ends the process.
  process.stdout.removeAllListeners('error').on('error', () => {})
}

/** After an uncaught error the state of the node is not known: say so, and end. */
function logCrash(log: Log): void {
  process.on('uncaughtException', err => {
    log.error({ err }, 'an uncaught error; the node ends')
    process.exit(1)
  })
}

function settingsOf({
  name,
  mesh,
  port,
  gatewayPort,
  mdns,
  peer,
  echo
}: StartOptions): Record<string, unknown> {
  return {
    name,
    'mesh.name': mesh,
    'swarm.port': port,
    'gateway.port': gatewayPort,
    // Absent unless turned off, so that the file and the environment have their say.
    'swarm.mdns': mdns ? undefined : false,
    'swarm.peers': peer,
    'engines.echo': echo
  }
}
