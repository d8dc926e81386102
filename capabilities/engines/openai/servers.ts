/**
 * The servers of models that this node knows: those on this device, found by themselves where they usually listen, and
 * those in the settings. Their models come and go with them.
 */

import { connect } from 'node:net'
import type { Clock, Timer } from '../../../interface/clock.ts'
import { toLumosError } from '../../../interface/errors.ts'
import type { Logger, Startable } from '../../../interface/lifecycle.ts'
import { ModelId } from '../../../interface/names.ts'
import type { LeftOut } from '../../../interface/node.ts'
import type { PlacedModel } from '../../models/found-model.ts'
import { OpenAiEngine } from './engine.ts'
import { limited, type ModelServer } from './http.ts'
import { type Listed, listCompatible, listedByName, PRODUCTS, type Product } from './listing.ts'

/** A server that was started or stopped is noticed within this time. Refused connections on loopback cost nothing. */
const LOOK_MS = 15_000
/** A server that is busy with a model still lists its models. */
const LIST_TIMEOUT_MS = 5000
/** A port of this device answers at once, or a firewall swallows it. */
const CONNECT_TIMEOUT_MS = 500

/** A server that the settings name. */
export interface NamedServer extends ModelServer {
  /** Only these of its models. */
  readonly models?: readonly string[] | undefined
  /** What is asked there leaves the mesh. */
  readonly leavesMesh: boolean
}

export interface ModelServersOptions {
  readonly clock: Clock
  readonly log: Logger
  /** Whether to look for servers on this device. */
  readonly discover: boolean
  readonly named: readonly NamedServer[]
  /** Where to look. Default: where each product listens. */
  readonly products?: readonly Product[]
  /** Called with all models whenever they change. */
  onChange(models: readonly PlacedModel[], leftOut: readonly LeftOut[]): void
}

/** A server, and what it said last. */
interface Known {
  readonly server: NamedServer
  readonly product: Product | undefined
  models: readonly PlacedModel[]
  leftOut: readonly LeftOut[]
  /** Changes when its list does. */
  mark: string
}

export class ModelServers implements Startable {
  readonly #options: ModelServersOptions
  readonly #known: readonly Known[]
  readonly #stopped = new AbortController()
  #timer: Timer | undefined
  #looking = false

  constructor(options: ModelServersOptions) {
    this.#options = options
    const { discover, named, products = PRODUCTS } = options
    const found = discover ? products.map(product => ({ server: onThisDevice(product), product })) : []
    const all = [...named.map(server => ({ server, product: undefined })), ...found]
    this.#known = all.map(one => ({ ...one, models: [], leftOut: [], mark: '' }))
  }

  /** Resolves once each server was looked for. */
  async start(): Promise<void> {
    if (this.#known.length > 0) await this.#look()
  }

  stop(): void {
    this.#stopped.abort()
    this.#timer?.cancel()
  }

  async #look(): Promise<void> {
    if (this.#looking || this.#stopped.signal.aborted) return
    this.#timer?.cancel()
    this.#looking = true
    const before = this.#known.map(({ mark }) => mark).join('\n')
    await Promise.all(this.#known.map(known => this.#lookAt(known)))
    this.#looking = false
    if (this.#stopped.signal.aborted) return
    if (this.#known.map(({ mark }) => mark).join('\n') !== before) {
      this.#options.onChange(
        this.#known.flatMap(({ models }) => models),
        this.#known.flatMap(({ leftOut }) => leftOut)
      )
    }
    this.#timer = this.#options.clock.setTimer(() => void this.#look(), LOOK_MS)
  }

  /** Never throws: a server that does not answer has no models. */
  async #lookAt(known: Known): Promise<void> {
    const { server, product } = known
    const { clock, log } = this.#options
    const { signal, end } = limited(clock, LIST_TIMEOUT_MS, this.#stopped.signal)
    try {
      if (product !== undefined && !(await listens(product.port, clock))) return this.#forget(known)
      const listed = await this.#list(known, signal)
      const mark = JSON.stringify(listed)
      if (mark === known.mark) return
      const valid = listed.filter(({ id }) => ModelId.safeParse(id).success)
      log.info({ server: server.name, models: valid.length }, 'models of a server')
      known.mark = mark
      known.models = valid.map(model => this.#placed(server, model))
      known.leftOut = listed
        .filter(({ id }) => !ModelId.safeParse(id).success)
        .map(({ id }) => unnamed(server, id))
    } catch (err) {
      if (signal.aborted && this.#stopped.signal.aborted) return
      this.#forget(known)
      // Of a port where something else listens, nothing is said.
      if (product !== undefined) return
      const { code, message } = toLumosError(err)
      known.mark = message
      known.leftOut = [{ place: `engines.servers.${server.name}`, model: null, code, reason: message }]
    } finally {
      end()
    }
  }

  #forget(known: Known): void {
    known.models = []
    known.leftOut = []
    known.mark = ''
  }

  async #list({ server, product }: Known, signal: AbortSignal): Promise<Listed[]> {
    if (product !== undefined) return await product.list(server, signal)
    // Nothing is sent to a provider elsewhere before the first request for one of its models.
    if (server.models !== undefined && server.leavesMesh) return server.models.map(listedByName)
    const listed = await listCompatible(server, signal)
    const { models } = server
    return models === undefined ? listed : listed.filter(({ model }) => models.includes(model))
  }

  #placed(server: NamedServer, listed: Listed): PlacedModel {
    const { id, model, tasks, slots, contextTokens, takesImages, writesOn } = listed
    const onGone = () => void this.#look()
    return {
      place: `${server.name} at ${server.url}`,
      model: {
        ...{ id, tasks, slots },
        engine: new OpenAiEngine({ server, model, writesOn, clock: this.#options.clock, onGone }),
        ...(contextTokens !== undefined && { contextTokens }),
        ...(takesImages && { takesImages }),
        // Elsewhere an answer that is written again is paid again.
        ...(server.leavesMesh ? { leavesMesh: true } : { resumes: writesOn !== undefined || 'repeatable' })
      }
    }
  }
}

const onThisDevice = ({ name, port }: Product): NamedServer => ({
  name,
  url: `http://127.0.0.1:${port}`,
  leavesMesh: false
})

const unnamed = ({ name }: ModelServer, id: string): LeftOut => ({
  place: name,
  model: null,
  code: 'MODEL_INVALID',
  reason: `"${id.slice(0, 64)}" is no id of a model here.`
})

/** Whether a program listens at this port of loopback. */
function listens(port: number, clock: Clock): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    const end = (answer: boolean): void => {
      timer.cancel()
      socket.destroy()
      resolve(answer)
    }
    const timer = clock.setTimer(() => end(false), CONNECT_TIMEOUT_MS)
    socket.on('connect', () => end(true)).on('error', () => end(false))
  })
}
