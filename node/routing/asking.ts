/** What is known of a request when its peers are ranked. */

import type { Clock, Random } from '../../interface/clock.ts'
import type { PreparedRequest } from '../../interface/inference.ts'
import type { InferOptions } from '../../interface/node.ts'
import type { RoutingPolicy } from '../../interface/routing.ts'
import { definitionOf, isTaskName } from '../../interface/tasks/index.ts'
import { beginningsOf, Conversations } from './conversations.ts'

export interface Asking {
  /** Absent where no request is known. */
  readonly request?: { readonly task: string; readonly model: string | undefined }
  readonly policy: RoutingPolicy
  /** How many pieces its answer is expected to have; 0 where it comes whole. */
  readonly pieces: number
  /** Characters of its conversation that peers have read before, and so need not read again, by PeerId. */
  readonly known: ReadonlyMap<string, number>
  /** Of this request, at random: at least 0 and less than 1. Peers that are about as good share by it. 0: the best is first. */
  readonly chance: number
}

/** What answers of text have where they may have more: most questions are answered in a paragraph. */
const PIECES_EXPECTED = 128

/** What is asked where no request is known: the order that people see who ask for it. @param task whose answer it is. */
export const askingBy = (policy: RoutingPolicy, task?: string): Asking => ({
  policy,
  pieces:
    task !== undefined && isTaskName(task) && definitionOf(task).pieces !== undefined ? PIECES_EXPECTED : 0,
  known: new Map(),
  chance: 0
})

/** Of a request that is made now. */
export interface NewAsking {
  /** What decisions keep of it. */
  readonly asking: Asking
  /** The peer has read its conversation, and may hold that in its cache. */
  answeredBy(peerId: string): void
}

export interface AskingsComponents {
  readonly clock: Clock
  readonly random: Random
  /** For requests that state none. */
  readonly policy: RoutingPolicy
}

/** What requests have in common: the policy of this node, and who has read what. */
export class Askings {
  readonly #components: AskingsComponents
  readonly #conversations = new Conversations()

  constructor(components: AskingsComponents) {
    this.#components = components
  }

  of(request: PreparedRequest, options: InferOptions): NewAsking {
    const { clock, random, policy } = this.#components
    const beginnings = beginningsOf(request)
    const asking = {
      request: { task: request.task, model: request.model },
      policy: options.policy ?? policy,
      pieces: piecesExpected(request),
      known: this.#conversations.known(beginnings, clock.monotonicMs()),
      chance: random()
    }
    return {
      asking,
      answeredBy: peerId => this.#conversations.note(beginnings, peerId, clock.monotonicMs())
    }
  }
}

/** How many pieces an answer is expected to have. */
function piecesExpected({ task, params }: PreparedRequest): number {
  const most = definitionOf(task).pieces?.max(params) ?? 0
  return Math.min(most, PIECES_EXPECTED)
}
