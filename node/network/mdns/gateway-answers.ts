/** Answers of one node to questions for gateways, while its own is open to other devices: once a second on each link. */

import type { Packet } from 'dns-packet'
import type { Clock } from '../../../interface/clock.ts'
import { concernsGateways, gatewayAnswer, isGatewayQuestion, type OpenGateway } from './gateway-service.ts'
import { keyOf, type Link } from './links.ts'

/** Of RFC 6762, for multicast. A question within it is answered by the answer that was given. */
const INTERVAL_MS = 1000

export class GatewayAnswers {
  readonly #id: string
  readonly #clock: Clock
  readonly #open: () => OpenGateway | undefined
  readonly #answeredMs = new Map<string, number>()

  constructor(id: string, clock: Clock, open: () => OpenGateway | undefined) {
    this.#id = id
    this.#clock = clock
    this.#open = open
  }

  concerns(bytes: Buffer): boolean {
    return this.#open() !== undefined && concernsGateways(bytes)
  }

  /** What those forget who were told of it on this link. */
  goodbye(link: Link): Packet | undefined {
    const open = this.#open()
    if (open === undefined || !this.#answeredMs.delete(keyOf(link))) return undefined
    return gatewayAnswer(this.#id, open, link, 0)
  }

  answerTo(packet: Packet, link: Link): Packet | undefined {
    const open = this.#open()
    if (open === undefined || !isGatewayQuestion(packet, this.#id)) return undefined
    const nowMs = this.#clock.monotonicMs()
    const key = keyOf(link)
    if (nowMs - (this.#answeredMs.get(key) ?? Number.NEGATIVE_INFINITY) < INTERVAL_MS) return undefined
    this.#answeredMs.set(key, nowMs)
    return gatewayAnswer(this.#id, open, link)
  }
}
