import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import { largestGroup } from '../../node/manifests/provider-core.ts'
import { openDatabase } from '../../storage/database/database.ts'
import { CACHE_MIGRATIONS, CORE_MIGRATIONS } from '../../storage/database/schema.ts'
import { openDataDir } from '../../storage/home/data-dir.ts'
import { ACCEPTED_PEERS_MAX, type Dispensable, ManifestLog } from '../../storage/mesh/manifest-log.ts'
import { startProcess, temporaryHome } from './home.ts'

function openLog(home: string, dispensable?: Dispensable) {
  const core = openDatabase(join(home, 'core.db'), { migrations: CORE_MIGRATIONS, synchronous: 'FULL' })
  const cache = openDatabase(join(home, 'cache.db'), { migrations: CACHE_MIGRATIONS, synchronous: 'NORMAL' })
  return {
    log: new ManifestLog(core, cache, systemClock, dispensable),
    [Symbol.dispose]() {
      core.close()
      cache.close()
    }
  }
}

const manifestOf = (peerId: string, sequence: number) => ({
  peerId,
  epoch: 2 ** 48 - 2,
  sequence,
  hash: `hash of ${sequence}`,
  envelope: Uint8Array.of(sequence, 2, 3)
})

const plain = (row: object | undefined) => row && { ...row }

describe("this node's numbers", () => {
  it('have one epoch per home', () => {
    const home = temporaryHome()
    using first = openLog(home)
    const { epoch } = first.log
    first[Symbol.dispose]()

    using second = openLog(home)
    using other = openLog(temporaryHome())
    assert.ok(Number.isSafeInteger(epoch) && epoch >= 0)
    assert.equal(second.log.epoch, epoch)
    assert.notEqual(other.log.epoch, epoch)
  })

  it('grow without gaps, over restarts with some', () => {
    const home = temporaryHome()
    let last = 0
    for (let round = 0; round < 3; round++) {
      using opened = openLog(home)
      const numbers = Array.from({ length: 2500 }, () => opened.log.nextSequence())
      assert.ok(numbers[0]! > last)
      assert.deepEqual(
        numbers,
        Array.from({ length: 2500 }, (_, i) => numbers[0]! + i)
      )
      last = numbers.at(-1)!
    }
  })

  it('are never given twice, however often the process is killed', async () => {
    const home = temporaryHome()
    // Each number is told only after the peer's manifest of that number is
    // stored, so a told one must be found again.
    const script = `
      import { openDataDir } from './home/data-dir.ts'
      import { ManifestLog } from './mesh/manifest-log.ts'
      import { systemClock } from '../interface/clock.ts'
      const dataDir = await openDataDir(${JSON.stringify(home)})
      const log = new ManifestLog(dataDir.core, dataDir.cache, systemClock)
      const nothing = new Uint8Array(1)
      for (;;) {
        const told = []
        for (let n = 0; n < 400; n++) {
          const sequence = log.nextSequence()
          log.store({ peerId: 'me', epoch: log.epoch, sequence, hash: '', envelope: nothing })
          told.push(sequence)
        }
        await new Promise(done => process.stdout.write(told.join(' ') + '\\n', done))
      }
    `
    const epochs = new Set<number>()
    let last = 0
    for (let round = 0; round < 6; round++) {
      const writer = startProcess(script)
      // Rounds of different length die at different places of a block.
      for (let line = 0; line <= round; line++) {
        const told = ((await writer.lines.next()).value as string).split(' ').map(Number)
        for (const sequence of told) {
          assert.ok(sequence > last, `${sequence} comes after ${last}`)
          last = sequence
        }
      }
      await writer.kill()

      await using dataDir = await openDataDir(home)
      const log = new ManifestLog(dataDir.core, dataDir.cache, systemClock)
      const stored = log.all().find(({ peerId }) => peerId === 'me')!
      assert.ok(stored.sequence >= last, 'what was told is there')
      epochs.add(log.epoch)
      // What the killed process used but could not tell any more counts as well.
      const next = log.nextSequence()
      assert.ok(next > stored.sequence)
      last = next
    }
    assert.equal(epochs.size, 1)
  })
})

describe('the manifests of others', () => {
  it('are found again after a restart, the newest of each peer', () => {
    const home = temporaryHome()
    using first = openLog(home)
    first.log.store(manifestOf('a', 1))
    first.log.store(manifestOf('b', 1))
    first.log.store(manifestOf('a', 2))
    first[Symbol.dispose]()

    using second = openLog(home)
    assert.deepEqual(second.log.all().map(plain), [manifestOf('b', 1), manifestOf('a', 2)])
  })

  it('are bounded: the one longest unchanged goes first', () => {
    using opened = openLog(temporaryHome())
    for (let n = 0; n < ACCEPTED_PEERS_MAX; n++) opened.log.store(manifestOf(`peer-${n}`, 1))
    opened.log.store(manifestOf('peer-0', 2))

    opened.log.store(manifestOf('one more', 1))

    const kept = new Map(opened.log.all().map(({ peerId, sequence }) => [peerId, sequence]))
    assert.ok(kept.size <= ACCEPTED_PEERS_MAX && kept.size > ACCEPTED_PEERS_MAX - 100)
    assert.equal(kept.has('peer-1'), false)
    assert.equal(kept.get('peer-0'), 2)
  })

  it('of made-up members of one admin push out each other, and no member of another admin', () => {
    const issuerOf = (peerId: string) => peerId.split('-')[0]
    using opened = openLog(temporaryHome(), ids => largestGroup(ids, issuerOf))
    for (let n = 0; n < 10; n++) opened.log.store(manifestOf(`honest-${n}`, 1))
    for (let n = 0; n < ACCEPTED_PEERS_MAX + 200; n++) opened.log.store(manifestOf(`hostile-${n}`, 1))

    const kept = opened.log.all().map(({ peerId }) => peerId)
    assert.ok(kept.length <= ACCEPTED_PEERS_MAX)
    assert.equal(kept.filter(peerId => issuerOf(peerId) === 'honest').length, 10)
    assert.ok(kept.includes(`hostile-${ACCEPTED_PEERS_MAX + 199}`))
  })

  it('are not silently left out when the failure is no refusal of the disk', () => {
    const opened = openLog(temporaryHome())
    opened.log.store(manifestOf('a', 1))
    opened[Symbol.dispose]()
    assert.throws(() => opened.log.store(manifestOf('b', 1)), /is closed/)
  })
})
