import { TopicValidatorResult } from '@libp2p/gossipsub'
import type { Stream } from '@libp2p/interface'
import { expect, it } from 'vitest'
import type { Role } from '../../interface/membership.ts'
import type { Feature, MeshContext } from '../../node/feature.ts'
import { HostilePeer, listeningLog } from './hostile-peer.ts'
import { startNode } from './mesh-nodes.ts'

const PROTOCOL = '/lumos/note/1'
const NOTE_BYTES_MAX = 16

/** All of a small feature: notes that members send to one another, and put up for all to see. */
class Notes implements Feature {
  readonly name = 'notes'
  readonly topics = ['note']
  readonly seen: string[] = []
  readonly #waiting = new Set<() => void>()
  mesh: MeshContext | undefined

  join(mesh: MeshContext) {
    this.mesh = mesh
    return {
      protocols: [
        {
          ids: [PROTOCOL],
          openers: ['admin', 'member'] as const,
          inboundMax: 1,
          handle: async (stream: Stream) => {
            for await (const part of stream) this.#note(`told ${new TextDecoder().decode(part.subarray())}`)
            await stream.close()
          }
        }
      ],
      topics: [
        {
          name: 'note',
          bytesMax: NOTE_BYTES_MAX,
          validate: async (message: Uint8Array) => {
            this.#note(`read ${new TextDecoder().decode(message)}`)
            return TopicValidatorResult.Accept
          }
        }
      ],
      start: () => this.#note('started'),
      onMember: ({ connection }: { connection: { remotePeer: { toString(): string } } }) =>
        this.#note(`met ${connection.remotePeer}`),
      onGone: (peerId: string) => this.#note(`lost ${peerId}`),
      refuse: () => this.#note('refuses'),
      stop: () => this.#note('stopped')
    }
  }

  async has(note: string): Promise<void> {
    while (!this.seen.includes(note)) await new Promise<void>(resolve => this.#waiting.add(resolve))
  }

  #note(note: string): void {
    this.seen.push(note)
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }
}

it('a feature takes part in a mesh from its start to its end', async () => {
  const [den, attic] = [new Notes(), new Notes()]
  await using first = await startNode('den', [], { features: [den] })
  const second = await startNode('attic', [first], { features: [attic] })
  await Promise.all([den.has(`met ${second.peerId}`), attic.has(`met ${first.peerId}`)])

  const stream = await attic.mesh!.open(first.peerId, [PROTOCOL])
  stream.send(new TextEncoder().encode('hello'))
  await stream.close()
  await den.has('told hello')

  await attic.mesh!.publish('note', new Uint8Array(NOTE_BYTES_MAX + 1))
  // Gossip reaches a peer once its subscription has: until then each try is another message.
  for (let i = 0; !den.seen.some(note => note.startsWith('read ')); i++) {
    await attic.mesh!.publish('note', new TextEncoder().encode(`all ${i}`))
    await new Promise(resolve => setImmediate(resolve))
  }
  expect(den.seen.filter(note => note.startsWith('read')).every(note => note.startsWith('read all'))).toBe(
    true
  )

  await second.stop()
  await den.has(`lost ${second.peerId}`)
  expect(attic.seen.at(0)).toBe('started')
  expect(attic.seen.slice(-1)).toEqual(['stopped'])
  expect(attic.seen).toContain('refuses')
  await second[Symbol.asyncDispose]()
})

it.each<[Role, boolean]>([
  ['admin', true],
  ['member', true],
  ['edge', false],
  ['guest', false]
])('a peer with the role %s opens a protocol for members and admins: %s', async (role, may) => {
  const notes = new Notes()
  const { log, saw } = listeningLog()
  await using node = await startNode('den', [], { features: [notes], log })
  await using peer = await HostilePeer.member(node, role)
  const connection = await peer.dial(node)
  await peer.hello(connection, await peer.sealed())
  await notes.has(`met ${peer.peerId}`)

  if (may) {
    const stream = await connection.newStream(PROTOCOL)
    stream.send(new TextEncoder().encode('hi'))
    await stream.close()
    await notes.has('told hi')
  } else {
    await connection.newStream(PROTOCOL).catch(() => {})
    await saw('DENIED')
  }
})
