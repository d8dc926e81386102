/** Files as facts: between engines that hand each other bytes, with the pieces that the reader makes of texts. */

import assert from 'node:assert/strict'
import { describe, it, onTestFinished } from 'vitest'
import { systemClock } from '../../../interface/clock.ts'
import type { MemoryValue } from '../../../interface/memory.ts'
import {
  type PutFile,
  hashOf as pieceHash,
  pieceKey,
  sourceOf,
  toFile
} from '../../../node/memory/knowledge/file-fact.ts'
import { Knowledge } from '../../../node/memory/knowledge/knowledge.ts'
import { readFile } from '../../../node/memory/knowledge/read/read-file.ts'
import type { MemoryEngine } from '../../../node/memory/worker/engine.ts'
import { bytesCid } from '../../../storage/weights/bytes-cid.ts'
import { type Device, device, facts, hashOf, meet, pull, sync } from './engines.ts'

const DOC = 'knowledge'

const FILE = {
  ...{ cid: 'c', bytes: 1, type: 'text/plain', by: 'line', title: null, root: null },
  ...{ modified: 1, added: 1, pieces: [] }
}

/** Paragraphs of their own words, each with the mark in it. */
const story = (mark: string, paragraphs = 30): string =>
  Array.from({ length: paragraphs }, (_, n) => `${mark} ${n}: ${`word${n * 7919} `.repeat(30)}`.trim()).join(
    '\n\n'
  )

async function put(at: Device, space: string, name: string, text: string) {
  const bytes = Buffer.from(text)
  const { pieces, type, by, title } = await readFile(name, bytes)
  const content = Buffer.from(JSON.stringify(pieces))
  const about = {
    cid: await bytesCid(bytes),
    bytes: bytes.length,
    type,
    by,
    title,
    modified: null,
    root: null
  }
  return at.do(engine => engine.putFile(space, DOC, { name, content, ...about }))
}

/** Pieces that may be quoted, in the order of the file. */
function quoted(at: Device, space: string): { name: string; text: string; piece: number }[] {
  const all = facts(at, space, DOC) as Readonly<Record<string, MemoryValue>>
  return Object.entries(all)
    .flatMap(([key, value]) => {
      const source = sourceOf(key, value, other => ({ value: all[other]!, writer: '' }))
      return source == null ? [] : [{ ...source, text: (value as { text: string }).text }]
    })
    .sort((a, b) => a.piece - b.piece)
}

const textOf = (at: Device, space: string): string =>
  quoted(at, space)
    .map(({ text }) => text)
    .join('\n\n')

/** Facts of pieces, whether a file lists them or not. */
const kept = (at: Device, space: string): number =>
  Object.keys(facts(at, space, DOC)).filter(key => key.includes('#')).length

function shared() {
  const [one, two] = [device('one'), device('two')]
  meet([one, two])
  const { id } = one.do(engine => engine.create('books'))
  one.do(engine => engine.share(id, { peerId: two.peerId }, 'write'))
  pull(one, two)
  return { one, two, id }
}

describe('a file in a space', () => {
  it('is all there in pieces that say where they are from, and adding it again writes nothing', async () => {
    const { one, id } = shared()
    const text = `# A title\n\nFirst words.\n\n## Below\n\n${story('tale')}\n`
    const { pieces, written } = await put(one, id, 'docs/a.md', text)
    assert.equal(pieces, written)
    assert.equal(textOf(one, id), text.trim())
    const [info] = one.do(engine => engine.files(id, DOC))
    const cid = await bytesCid(Buffer.from(text))
    assert.deepEqual(
      { ...info, added: 0 },
      {
        ...{ name: 'docs/a.md', cid, bytes: text.length, type: 'text/markdown', title: 'A title', pieces },
        ...{ modified: null, root: null, writer: one.peerId, added: 0, whole: true }
      }
    )
    const all = facts(one, id, DOC) as Record<string, MemoryValue>
    const key = pieceKey('docs/a.md', toFile(all['docs/a.md'])!.pieces[1]![0])
    const { lines, added, ...source } = sourceOf(key, all[key], other => ({
      value: all[other],
      writer: 'one'
    }))!
    const about = { writer: 'one', cid, name: 'docs/a.md', type: 'text/markdown', piece: 2, pieces }
    assert.deepEqual(source, { ...about, heading: 'A title > Below' })
    assert.equal(lines![0], 5)
    assert.equal(added, info!.added)
    assert.equal((await put(one, id, 'docs/a.md', text)).written, 0)
    assert.ok(one.do(engine => engine.wholeFile(id, DOC, 'docs/a.md'))?.cid === cid)
  })

  it('that changes is written only where it differs, also where the change is at its front', async () => {
    const { one, id } = shared()
    // Paragraphs of one length: counted from the front, no piece would ever end where one ended before.
    const text = Array.from({ length: 100 }, (_, n) => `line${1000 + n} `.repeat(30).trim()).join('\n\n')
    const { pieces } = await put(one, id, 'a.txt', text)
    const changed = await put(one, id, 'a.txt', `${story('preface', 1)}\n\n${text}`)
    assert.ok(changed.written <= 5 && pieces > 20, `${changed.written} of ${pieces}`)
    assert.equal(textOf(one, id), `${story('preface', 1)}\n\n${text}`)
    // What is gone from it has left.
    await put(one, id, 'a.txt', 'One line.')
    assert.equal(kept(one, id), 1)
    assert.equal(
      one.do(engine => engine.removeFile(id, DOC, 'a.txt')),
      true
    )
    assert.equal(
      one.do(engine => engine.removeFile(id, DOC, 'a.txt')),
      false
    )
    assert.deepEqual(Object.keys(facts(one, id, DOC)), [])
  })

  it('that two devices add apart is one file, and of two versions the later one is whole', async () => {
    const { one, two, id } = shared()
    await put(one, id, 'a.txt', story('same'))
    await put(two, id, 'a.txt', story('same'))
    sync(one, two)
    assert.equal(hashOf(one, id), hashOf(two, id))
    assert.deepEqual(
      one.do(engine => engine.files(id, DOC)).map(({ name }) => name),
      ['a.txt']
    )
    assert.equal(textOf(two, id), story('same'))
    // Apart, both change it: each keeps what the other removes. The one that writes more often is later.
    const long = `${story('same', 15)}\n\n${story('one', 20)}`
    await put(one, id, 'a.txt', `${story('one', 5)}\n\n${story('same')}`)
    await put(one, id, 'a.txt', long)
    await put(two, id, 'a.txt', `${story('same')}\n\n${story('two', 20)}`)
    sync(one, two)
    for (const at of [one, two]) {
      assert.equal(textOf(at, id), long)
      assert.deepEqual(
        at.do(engine => engine.files(id, DOC)).map(({ writer, whole }) => [writer, whole]),
        [[one.peerId, true]]
      )
    }
    // What one of them leaves as another wrote it, it has too: the other one may drop it.
    await put(one, id, 'a.txt', 'Nothing of before.')
    const kept = `${long}\n\nAnd more.`
    await put(two, id, 'a.txt', `${long}\n\nNot yet.`)
    await put(two, id, 'a.txt', kept)
    sync(one, two)
    for (const at of [one, two]) assert.equal(textOf(at, id), kept)
    assert.equal(hashOf(one, id), hashOf(two, id))
  })

  it('is whole at each envelope of it that another device has', async () => {
    const { one, two, id } = shared()
    await put(one, id, 'a.txt', story('old', 1000))
    await put(one, id, 'a.txt', story('new', 1000))
    const heads = () => two.do(engine => engine.statesFor(two.peerId))[0]!.heads
    const seen = new Set<string>()
    let envelopes = 0
    for (let more = true; more; ) {
      const [envelope] = one.do(engine => engine.envelopesAfter(id, heads(), 1))
      more = envelope !== undefined
      if (more) envelopes++
      if (more) two.do(engine => engine.accept(id, [envelope!], one.peerId))
      const [file] = two.do(engine => engine.files(id, DOC))
      if (file !== undefined) seen.add(textOf(two, id).slice(0, 3))
      assert.notEqual(file?.whole, false)
    }
    assert.deepEqual([...seen], ['old', 'new'])
    assert.ok(envelopes > 4)
  })

  it('is that of before where the writer of a later version is excluded, and survives one that removes it', async () => {
    const { one, two, id } = shared()
    await put(one, id, 'a.txt', story('mine'))
    sync(one, two)
    await put(two, id, 'a.txt', `${story('mine')}\n\nAnd more.`)
    sync(one, two)
    assert.equal(one.do(engine => engine.files(id, DOC))[0]!.writer, two.peerId)
    assert.ok(textOf(one, id).endsWith('And more.'))
    two.do(engine => engine.removeFile(id, DOC, 'a.txt'))
    sync(one, two)
    assert.deepEqual(
      one.do(engine => engine.files(id, DOC)),
      []
    )
    assert.equal(textOf(one, id), '')
    one.do(engine => engine.exclude(id, two.peerId))
    assert.equal(textOf(one, id), story('mine'))
  })

  it('a piece that another writer has changed is not quoted, and adding the file again heals it', async () => {
    const { one, two, id } = shared()
    await put(one, id, 'a.txt', 'The door is blue.')
    sync(one, two)
    const [key] = Object.keys(facts(two, id, DOC)).filter(name => name.includes('#'))
    two.do(engine =>
      engine.write(id, DOC, 'facts', [{ type: 'set', key: key!, value: { text: 'The door is red.' } }])
    )
    sync(one, two)
    assert.equal(textOf(one, id), '')
    assert.equal(
      one.do(engine => engine.wholeFile(id, DOC, 'a.txt')),
      null
    )
    assert.equal((await put(one, id, 'a.txt', 'The door is blue.')).written, 1)
    sync(one, two)
    assert.equal(textOf(two, id), 'The door is blue.')
  })

  it('that another writer states under the CID of a true one is written again, and each device that adds it has it', async () => {
    const { one, two, id } = shared()
    const knowledge = new Knowledge(systemClock)
    onTestFinished(() => knowledge.close())
    const add = (at: Device, text: string) => {
      const engine = {
        wholeFile: async (...asked: [string, string, string]) => at.do(local => local.wholeFile(...asked)),
        putFile: async (...asked: [string, string, PutFile]) => at.do(local => local.putFile(...asked))
      } as unknown as MemoryEngine
      const file = { name: 'contract.txt', bytes: Buffer.from(text), root: 'folder' }
      return knowledge.add(engine, id, DOC, file, { signal: AbortSignal.timeout(60_000) })
    }
    await add(one, 'The rent is ten.')
    const { pieces: _, ...fact } = toFile(
      (facts(one, id, DOC) as Record<string, MemoryValue>)['contract.txt']
    )!
    sync(one, two)
    const piece = { text: 'The rent is a thousand.' }
    const forged = { ...fact, pieces: [[pieceHash(piece), 1, 1]] } as unknown as MemoryValue
    two.do(engine =>
      engine.write(id, DOC, 'facts', [
        { type: 'set', key: pieceKey('contract.txt', pieceHash(piece)), value: piece },
        { type: 'set', key: 'contract.txt', value: forged }
      ])
    )
    sync(one, two)
    assert.equal(textOf(one, id), piece.text)
    assert.equal((await add(one, 'The rent is ten.')).status, 'updated')
    sync(one, two)
    for (const at of [one, two]) assert.equal(textOf(at, id), 'The rent is ten.')
    assert.equal((await add(one, 'The rent is ten.')).status, 'unchanged')
    // What another device has added is its own: this one adds it too, and has it when the other is excluded.
    await add(two, 'The rent is nine.')
    sync(one, two)
    assert.equal((await add(one, 'The rent is nine.')).status, 'updated')
    one.do(engine => engine.exclude(id, two.peerId))
    assert.equal(textOf(one, id), 'The rent is nine.')
  })

  it('facts of every other form are no files and no pieces', () => {
    const { one, id } = shared()
    const odd: MemoryValue[] = [
      1,
      'x',
      [],
      { cid: 1 },
      { text: 1 },
      { cid: 'c', pieces: [[1]] },
      { text: 'x', heading: [] },
      // A time that no calendar has.
      { ...FILE, added: 1e300 },
      { ...FILE, modified: 8.64e15 + 1 }
    ]
    assert.ok(toFile(FILE) !== undefined)
    const changes = odd.flatMap((value, n) => [
      { type: 'set', key: `odd${n}`, value } as const,
      { type: 'set', key: `odd${n}#${'a'.repeat(22)}`, value } as const
    ])
    one.do(engine => engine.write(id, DOC, 'facts', changes))
    assert.deepEqual(
      one.do(engine => engine.files(id, DOC)),
      []
    )
    assert.deepEqual(quoted(one, id), [])
    assert.throws(
      () =>
        one.do(
          engine =>
            engine.write(id, 'n', 'notes', [{ type: 'edit', at: 0, remove: 0, insert: 'x' }]) &&
            engine.files(id, 'n')
        ),
      { code: 'INVALID_INPUT' }
    )
  })
})
