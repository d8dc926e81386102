/** Asks the devices of one mesh on the local network to be let in, over and over, until a person has decided. */

import { randomBytes } from 'node:crypto'
import type { Clock } from '../../interface/clock.ts'
import { InvalidInputError, LumosError, TimeoutError, toLumosError } from '../../interface/errors.ts'
import type { JoinNearbyOptions } from '../../interface/mesh.ts'
import { looksLikePeerId } from '../../interface/names.ts'
import { type Grant, NONCE_BYTES } from '../../protocols/join/index.ts'
import { phraseOf } from './join-requests.ts'
import type { Joiner } from './joiner.ts'
import { type MeshSighting, meshesOf } from './nearby.ts'

/** How often a device that waits for a person asks again. */
const ASK_INTERVAL_MS = 2000
/** As long as an admin listens. */
const ASK_MS_MAX = 10 * 60_000

export interface AskingComponents {
  readonly clock: Clock
  readonly joiner: Joiner
  /** PeerId of this node. */
  readonly self: string
  /** What it wants to be called. */
  readonly name: string
  sightings(): readonly MeshSighting[]
}

/** What one device is asked with: always the same, so that its phrase stays. */
interface Question {
  readonly nonce: Uint8Array
  phrase?: string
}

type AskingOptions = Omit<JoinNearbyOptions, 'name'>

/**
 * @returns what was granted, by whom, and the phrase that both screens show.
 * @throws {LumosError} `PEER_NOT_FOUND` when no mesh is near, `INVALID_INPUT` when several are, `DENIED` or `TIMEOUT`
 *   when nobody lets this node in, `PEER_REVOKED` when it was removed from that mesh.
 */
export async function askNearby(
  components: AskingComponents,
  { mesh, onAsking, signal = new AbortController().signal }: AskingOptions
): Promise<{ grant: Grant; door: MeshSighting; phrase: string }> {
  const { clock, sightings } = components
  const endMs = clock.monotonicMs() + ASK_MS_MAX
  const asked = new Map<string, Question>()
  while (clock.monotonicMs() < endMs) {
    for (const door of chosen(sightings(), mesh)) {
      const question: Question = asked.get(door.peerId) ?? { nonce: randomBytes(NONCE_BYTES) }
      asked.set(door.peerId, question)
      const grant = await ask(components, door, question, { onAsking, signal })
      if (grant) return { grant, door, phrase: question.phrase! }
    }
    await pause(clock, ASK_INTERVAL_MS, signal)
  }
  throw new TimeoutError('Nobody has decided within ten minutes.', {
    hint: 'On an admin device of that mesh: lumos-node approve'
  })
}

/** @throws {LumosError} `PEER_NOT_FOUND` when no mesh is near, or `INVALID_INPUT` when several are. */
function chosen(near: readonly MeshSighting[], mesh: string | undefined): MeshSighting[] {
  const wanted =
    mesh === undefined
      ? [...near]
      : near.filter(({ meshId, meshName }) => (looksLikePeerId(mesh) ? meshId : meshName) === mesh)
  const meshes = meshesOf(wanted)
  if (meshes.length === 1) return wanted
  const names = meshesOf(near).map(found => `${found.mesh} (${found.meshId})`)
  if (meshes.length > 1) {
    throw new InvalidInputError('Several meshes are near.', {
      hint: `Choose with --mesh: ${names.join(', ')}`
    })
  }
  throw new LumosError(
    'PEER_NOT_FOUND',
    mesh === undefined ? 'No mesh is near.' : `No mesh "${mesh}" is near.`,
    {
      hint:
        names.length > 0 ? `There are: ${names.join(', ')}.` : 'Both devices must be on one local network.'
    }
  )
}

/** Who cannot be asked, or is no admin, may be one that can a moment later. */
async function ask(
  { joiner, self, name }: AskingComponents,
  door: MeshSighting,
  question: Question,
  { onAsking, signal }: AskingOptions & { readonly signal: AbortSignal }
): Promise<Grant | undefined> {
  const pair = { mesh: door.meshId, inviter: door.peerId, joiner: self }
  const { nonce } = question
  let challenged = false
  const onChallenge = (challenge: { nonce: Uint8Array; meshName: string }): void => {
    const phrase = phraseOf(nonce, challenge.nonce, pair)
    challenged = true
    if (question.phrase === phrase) return
    question.phrase = phrase
    onAsking?.({ mesh: challenge.meshName, meshId: door.meshId, peerId: door.peerId, phrase })
  }
  try {
    return await joiner.ask(door, { name, nonce, onChallenge }, signal)
  } catch (thrown) {
    signal.throwIfAborted()
    const { code } = toLumosError(thrown)
    if (code === 'PEER_REVOKED' || (challenged && code === 'DENIED')) throw thrown
    return undefined
  }
}

function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = clock.setTimer(resolve, delayMs)
  const onAbort = () => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  return promise.finally(() => {
    timer.cancel()
    signal.removeEventListener('abort', onAbort)
  })
}
