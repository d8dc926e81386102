import { TopicValidatorResult } from '@libp2p/gossipsub'
import type { Stream } from '@libp2p/interface'
import * as z from 'zod'
import { InvalidInputError } from '../../../interface/errors.ts'
import type { Feature, FeatureComponents, MeshContext, Participation } from '../../../node/feature.ts'
import { defineJobKind } from '../../../node/jobs/job-kind.ts'
import { LATER, NOTE_BYTES_MAX, NOTES_PROTOCOL, type Notes } from './interface.ts'

export class NotesFeature implements Feature<Notes>, Notes {
  readonly name = 'notes'
  readonly facet = this
  readonly topics = ['note']
  readonly jobs = [
    defineJobKind({
      name: 'notes.bring',
      input: z.array(z.string()),
      checkpoint: z.int(),
      runningMax: 1,
      summary: texts => `${texts.length} notes`,
      key: texts => texts.join(' '),
      run: async (texts, { checkpoint, signal, save, progress }) => {
        for (let n = checkpoint ?? 0; n < texts.length; n++) {
          if (texts[n] === LATER && checkpoint === undefined) {
            this.#note('waits')
            await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
          }
          this.keep(texts[n]!)
          save(n + 1)
          progress({ done: n + 1, total: texts.length, unit: 'notes', message: texts[n]! })
        }
        return this.kept()
      }
    })
  ]
  readonly seen: string[] = []
  readonly #components: FeatureComponents
  readonly #waiting = new Set<() => void>()
  #mesh: MeshContext | undefined

  constructor(components: FeatureComponents) {
    this.#components = components
  }

  keep(text: string): void {
    const { settings, database, emit } = this.#components
    const { charsMax } = settings as { charsMax: number }
    if (text.length > charsMax) throw new InvalidInputError(`A note has ${charsMax} characters at most.`)
    database.transaction(() => {
      database.prepare('INSERT INTO note VALUES (?)').run(text)
      database.prepare('INSERT OR REPLACE INTO tally VALUES (1, ?)').run(this.count() + 1)
    })
    emit('notes.kept', { text })
    this.#mesh?.manifestChanged()
  }

  kept(): string[] {
    return this.#components.database
      .prepare<{ text: string }>('SELECT text FROM note')
      .all()
      .map(({ text }) => text)
  }

  count(): number {
    return this.#components.database.prepare<{ count: number }>('SELECT count FROM tally').get()?.count ?? 0
  }

  async tell(peerId: string, text: string): Promise<void> {
    const stream = await this.#mesh!.open(peerId, [NOTES_PROTOCOL])
    stream.send(new TextEncoder().encode(text))
    await stream.close()
  }

  async publish(text: string): Promise<void> {
    await this.#mesh!.publish('note', new TextEncoder().encode(text))
  }

  async has(what: string): Promise<void> {
    while (!this.seen.includes(what)) await new Promise<void>(resolve => this.#waiting.add(resolve))
  }

  join(mesh: MeshContext): Participation {
    this.#mesh = mesh
    return {
      protocols: [
        {
          ids: [NOTES_PROTOCOL],
          openers: ['admin', 'member'],
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
          validate: async message => {
            this.#note(`read ${new TextDecoder().decode(message)}`)
            return TopicValidatorResult.Accept
          }
        }
      ],
      start: () => this.#note('started'),
      manifest: () => new TextEncoder().encode(this.kept().join(' ')),
      onManifest: (peerId, part) =>
        this.#note(`${peerId} keeps ${part === undefined ? 'nothing' : new TextDecoder().decode(part)}`),
      onMember: ({ connection }) => this.#note(`met ${connection.remotePeer}`),
      onGone: peerId => this.#note(`lost ${peerId}`),
      refuse: () => this.#note('refuses'),
      stop: () => this.#note('stopped')
    }
  }

  close(): void {
    this.#note('closed')
  }

  #note(note: string): void {
    this.seen.push(note)
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }
}
