/**
 * Asks the policy wherever a peer could reach something: at the connection gater,
 * at every protocol that any service handles, and at each request.
 *
 * Services get a registrar that guards what they register. libp2p's own middleware
 * would do, if it did not run old handlers again for each new stream.
 */

import type { Connection, ConnectionGater, PeerId, Stream, StreamHandler } from '@libp2p/interface'
import type { Clock } from '../../interface/clock.ts'
import { type LumosError, toLumosError } from '../../interface/errors.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import { PeerLines } from '../log/line-budget.ts'
import type { Gate } from '../network/gate.ts'
import { type Action, EVERY_MEMBER, type Opener, permit, type Standing } from './policy.ts'

export interface GuardComponents {
  readonly clock: Clock
  readonly log: Logger
  standing(peerId: string): Standing
  /** A removed peer connected and was refused with the reason; it may not do that again and again. */
  onTold?(peerId: string): void
}

/** Which peers may open a protocol: always the same, or as things are just now. */
export type Openers = readonly Opener[] | (() => readonly Opener[])

/** Answers a stream with nothing but why it is refused. */
export type Refuse = (stream: Stream, why: LumosError) => Promise<void>

/** As every libp2p service takes its parts; only the registrar matters here. */
interface Components {
  readonly registrar: {
    handle(protocol: string | string[], handler: StreamHandler, ...rest: unknown[]): Promise<void>
  }
}

export class Guard implements Gate {
  readonly #components: GuardComponents
  readonly #refusals: PeerLines
  /** By protocol. What is not in here opens for no peer. */
  readonly #openers = new Map<string, Openers>()

  constructor(components: GuardComponents) {
    this.#components = components
    this.#refusals = new PeerLines(components.clock)
  }

  /** @throws {LumosError} as {@link permit}. */
  check(peerId: string, action: Action): void {
    permit(this.#components.standing(peerId), action, { peerId })
  }

  isMember(peerId: string): boolean {
    return this.#components.standing(peerId).kind === 'member'
  }

  /** Which peers may open this protocol just now; none, where nothing has registered it. */
  openersOf(protocol: string): readonly Opener[] {
    const openers = this.#openers.get(protocol) ?? []
    return typeof openers === 'function' ? openers() : openers
  }

  /** Connections of peers that were removed or shut out end before they cost anything more. */
  readonly gater: ConnectionGater = {
    denyDialPeer: peer => this.#denies(peer),
    denyInboundEncryptedConnection: peer => this.#denies(peer, { kind: 'accept' }),
    denyOutboundEncryptedConnection: peer => this.#denies(peer)
  }

  forMembers<C, S>(create: (components: C) => S): (components: C) => S {
    const guarded = this.#registrar(EVERY_MEMBER)
    return components => create(withRegistrar(components as C & Components, guarded) as C)
  }

  /**
   * The same handler, run only for the peers that the policy lets open the protocol in the version that was agreed on.
   * This registers which peers may open it, one id for each version.
   *
   * @param refuse tells a device that was removed so, where it would otherwise just vanish.
   */
  handler(ids: readonly string[], openers: Openers, handler: StreamHandler, refuse?: Refuse): StreamHandler {
    for (const id of ids) this.#openers.set(id, openers)
    return (stream, connection) => {
      if (this.#lets(stream, connection, refuse)) return handler(stream, connection)
    }
  }

  #registrar =
    (openers: Openers) =>
    (registrar: Components['registrar']): Components['registrar'] =>
      new Proxy(registrar, {
        get: (target, key) => {
          const value = Reflect.get(target, key)
          if (typeof value === 'function' && !REGISTRAR_METHODS.has(key)) throw unguarded(key)
          if (key !== 'handle') return typeof value === 'function' ? value.bind(target) : value
          return (protocol: string | string[], handler: StreamHandler, ...rest: unknown[]) =>
            target.handle(protocol, this.handler([protocol].flat(), openers, handler), ...rest)
        }
      })

  #lets(stream: Stream, connection: Connection, refuse?: Refuse): boolean {
    try {
      const { protocol } = stream
      const openers = this.openersOf(protocol)
      this.check(connection.remotePeer.toString(), { kind: 'open', protocol, openers })
      return true
    } catch (thrown) {
      const why = toLumosError(thrown)
      this.#log(connection.remotePeer.toString(), why)
      if (refuse === undefined || why.code !== 'PEER_REVOKED') stream.abort(why)
      else {
        // The connection stays until the peer has read that, or its time for a hello is over.
        this.#components.onTold?.(connection.remotePeer.toString())
        void refuse(stream, why)
      }
      return false
    }
  }

  #denies(peer: PeerId, action: Action = { kind: 'connect' }): boolean {
    try {
      this.check(peer.toString(), action)
      return false
    } catch (thrown) {
      this.#log(peer.toString(), toLumosError(thrown))
      return true
    }
  }

  #log(peerId: string, { code }: LumosError): void {
    if (this.#refusals.isDue(peerId)) this.#components.log.warn({ peerId, code }, 'a peer was refused')
  }
}

/** What services call today. A method that a later libp2p adds could register a handler that nothing guards. */
const REGISTRAR_METHODS: ReadonlySet<string | symbol> = new Set([
  'handle',
  'unhandle',
  'register',
  'unregister',
  'getProtocols',
  'getTopologies'
])

const unguarded = (key: string | symbol): Error =>
  new Error(`A service calls registrar.${String(key)}, which the guard does not know.`)

const withRegistrar = <C extends Components>(
  components: C,
  guarded: (registrar: Components['registrar']) => Components['registrar']
): C =>
  new Proxy(components, {
    get: (target, key) => (key === 'registrar' ? guarded(target.registrar) : Reflect.get(target, key))
  })
