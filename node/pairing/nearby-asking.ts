/** Asks the devices of one mesh on the local network to be let in, over and over, until a person has decided. */

import { randomBytes } from 'node:crypto'
import type { Clock } from '../../interface/clock.ts'
import {
  CancelledError,
  InvalidInputError,
  LumosError,
  ProtocolViolationError,
  TimeoutError,
  toLumosError
} from '../../interface/errors.ts'
import type { JoinNearbyOptions } from '../../interface/mesh.ts'
import { looksLikePeerId, visibleName } from '../../interface/names.ts'
import { type Grant, NONCE_BYTES } from '../../protocols/join/index.ts'
import { pause } from '../network/deadline.ts'
import type { JoinClient } from './join-client.ts'
import { phraseOf } from './join-requests.ts'
import { type MeshSighting, meshesOf } from './nearby-meshes.ts'

/** Two devices that began at the same time have met by then, on a slow Wi-Fi too. */
const LOOK_MS = 10_000
const LOOK_INTERVAL_MS = 100
/** How often a device that waits for a person asks again. */
const ASK_INTERVAL_MS = 2000
/** Devices that an error names: a person reads no more. */
const NAMED_MAX = 3
/** As long as an admin listens. */
const ASK_MS_MAX = 10 * 60_000

export interface AskingComponents {
  readonly clock: Clock
  readonly joiner: JoinClient
  /** PeerId of this node. */
  readonly self: string
  /** What it wants to be called. */
  readonly name: string
  sightings(): readonly MeshSighting[]
}

/** What one device is asked with: always the same, so that its phrase stays. */
interface Question {
  nonce: Uint8Array
  /** The first that the listener answered with. */
  theirs?: Uint8Array | undefined
  phrase?: string
}

type AskingOptions = Omit<JoinNearbyOptions, 'name'>

/**
 * @returns what was granted, by whom, and the phrase that both screens show.
 * @throws {LumosError} `PEER_NOT_FOUND` when no mesh is near, `INVALID_INPUT` when several are, `DENIED` or `TIMEOUT`
 *   when no device lets this node in, `PEER_REVOKED` when each one says that it was removed from that mesh.
 */
export async function askNearby(
  components: AskingComponents,
  { mesh, onFound, onAsking, signal = new AbortController().signal }: AskingOptions
): Promise<{ grant: Grant; door: MeshSighting; phrase: string }> {
  const { clock, sightings } = components
  // What appears later, of another mesh or under the same name, does not end the asking.
  const { meshId, meshName } = await found(components, mesh, signal)
  onFound?.({ mesh: meshName, meshId })
  const endMs = clock.monotonicMs() + ASK_MS_MAX
  const asked = new Map<string, Question>()
  /** Those whose answer is still to come: a silent one must not keep this device from the others. */
  const waiting = new Set<string>()
  /** Any device can say that it is of that mesh, so a refusal ends the asking of that device alone. */
  const refused = new Map<string, LumosError>()
  const over = new AbortController()
  const options = { onAsking, signal: AbortSignal.any([signal, over.signal]) }
  const granted = Promise.withResolvers<{ grant: Grant; door: MeshSighting; phrase: string }>()
  // Awaited in the loop; one that fails after its end is no concern.
  granted.promise.catch(() => {})
  const begin = async (door: MeshSighting, question: Question): Promise<void> => {
    waiting.add(door.peerId)
    try {
      const grant = await ask(components, door, question, options)
      if (grant) granted.resolve({ grant, door, phrase: question.phrase! })
    } catch (thrown) {
      if (options.signal.aborted) granted.reject(thrown)
      else refused.set(door.peerId, toLumosError(thrown))
    } finally {
      waiting.delete(door.peerId)
    }
  }
  try {
    while (clock.monotonicMs() < endMs) {
      const near = sightings().filter(door => door.meshId === meshId)
      const open = near.filter(({ peerId }) => !refused.has(peerId))
      if (near.length > 0 && open.length === 0) break
      for (const door of open) {
        const question: Question = asked.get(door.peerId) ?? { nonce: randomBytes(NONCE_BYTES) }
        asked.set(door.peerId, question)
        if (!waiting.has(door.peerId)) void begin(door, question)
      }
      const decided = await Promise.race([granted.promise, pause(clock, ASK_INTERVAL_MS, options.signal)])
      if (decided) return decided
    }
  } finally {
    over.abort(new CancelledError())
  }
  if (refused.size > 0) throw refusalOf(refused)
  throw new TimeoutError('No decision was made within ten minutes.', {
    hint: 'On an admin device of that mesh: lumos-node approve'
  })
}

/** Looks for a while, because a node that has just begun has not seen the others yet. */
async function found(
  { clock, sightings }: AskingComponents,
  mesh: string | undefined,
  signal: AbortSignal
): Promise<MeshSighting> {
  const endMs = clock.monotonicMs() + LOOK_MS
  for (;;) {
    try {
      return chosen(sightings(), mesh)[0]!
    } catch (thrown) {
      if (toLumosError(thrown).code !== 'PEER_NOT_FOUND' || clock.monotonicMs() >= endMs) throw thrown
    }
    await pause(clock, LOOK_INTERVAL_MS, signal)
  }
}

/** What was refused, and by which devices. */
function refusalOf(refused: ReadonlyMap<string, LumosError>): LumosError {
  const all = [...refused.values()]
  const first = all.find(({ code }) => code !== 'PEER_REVOKED') ?? all[0]!
  const by = [...refused].slice(0, NAMED_MAX).map(([peerId, { code }]) => `${peerId} (${code})`)
  return new LumosError(first.code, first.message, {
    hint: [`Refused by ${by.join(', ')}; no other device has let this one in.`, first.hint]
      .filter(Boolean)
      .join(' '),
    cause: first
  })
}

/** @throws {LumosError} `PEER_NOT_FOUND` when no mesh is near, or `INVALID_INPUT` when several are. */
function chosen(near: readonly MeshSighting[], mesh: string | undefined): MeshSighting[] {
  const wanted =
    mesh === undefined
      ? [...near]
      : near.filter(({ meshId, meshName }) =>
          looksLikePeerId(mesh) ? meshId === mesh : meshName === visibleName(mesh)
        )
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
        names.length > 0
          ? `There are: ${names.join(', ')}.`
          : 'Both devices must be on one local network. Across networks, join by a code: lumos-node invite'
    }
  )
}

/**
 * A device that cannot be asked, or is no admin, may be one that can a moment later.
 *
 * A listener that knows this side's nonce could search for one of its own that makes the phrase it wants. So its
 * first one counts; a listener that has another, because it was started again, gets a new question.
 */
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
    question.theirs ??= challenge.nonce
    if (Buffer.compare(question.theirs, challenge.nonce) !== 0) {
      Object.assign(question, { nonce: randomBytes(NONCE_BYTES), theirs: undefined })
      throw new ProtocolViolationError('The listener answered the same question with another nonce.')
    }
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
    // The opinion of this device. All else may pass.
    if (code === 'PEER_REVOKED' || (challenged && code === 'DENIED')) throw thrown
    return undefined
  }
}
