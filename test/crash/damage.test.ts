/**
 * Files that were cut, and bytes that changed, where a killed node left them: what is read is right, up to the
 * place of the damage, or an error says what to do. Never a wrong answer, never a crash.
 */

import assert from 'node:assert/strict'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, it, onTestFinished } from 'vitest'
import { type ErrorCode, LumosError } from '../../interface/errors.ts'
import { seededRandom } from '../../sim/random.ts'
import { freshHome, type Life, live } from './crash.ts'
import { brokenAfterDamage, type Contents, type Deed } from './workload.ts'
import { WORKLOADS } from './workloads.ts'

const SEED = Number(process.env.CRASH_SEED ?? 2026)
const PLACES = 8
const PAGE_BYTES = 4096
const workload = WORKLOADS.find(({ name }) => name === 'home')!

const DAMAGES: Readonly<Record<string, (bytes: Buffer, at: number, bit: number) => Buffer>> = {
  'was cut': (bytes, at) => bytes.subarray(0, at),
  'has one bit changed': (bytes, at, bit) => {
    bytes[at]! ^= 1 << bit
    return bytes
  },
  'has a page of zeros': (bytes, at) => bytes.fill(0, at, Math.min(bytes.length, at + PAGE_BYTES))
}

/** What each file may do about damage besides being read right. */
const FILES: Readonly<Record<string, readonly ErrorCode[]>> = {
  'core.db': ['STORE_DAMAGED'],
  'core.db-wal': ['STORE_DAMAGED'],
  'cache.db': [],
  'cache.db-wal': [],
  'identity.key': ['STORE_DAMAGED'],
  'gateway.token': ['STORE_DAMAGED'],
  'lock.db': ['STORE_DAMAGED'],
  format: ['STORE_DAMAGED', 'HOME_NEWER']
}

let home: string
let life: Life

beforeAll(async () => {
  const whole = await freshHome(workload)
  const { points } = await live(workload, whole.path, {})
  await whole[Symbol.asyncDispose]()

  home = (await freshHome(workload)).path
  life = await live(workload, home, { CRASH_AT: `${points}:before` })
  assert.equal(life.signal, 'SIGKILL')
  assert.ok(existsSync(join(home, 'core.db-wal')), 'the log is still there')
  return () => rmSync(home, { recursive: true, force: true })
}, 60_000)

/** How many deeds were safe before the log reached `at`. */
function keptBefore(at: number, deeds: readonly Deed[]): number {
  const sizes = deeds.map(({ logBytes = Number.POSITIVE_INFINITY }) => logBytes)
  const restart = sizes.findLastIndex((size, n) => n > 0 && size < sizes[n - 1]!)
  const beyond = sizes.findIndex((size, n) => n > restart && size > at)
  return beyond < 0 ? deeds.length : beyond
}

function copyOfHome(): string {
  const copy = mkdtempSync(join(tmpdir(), 'lumos-damage-'))
  onTestFinished(() => rmSync(copy, { recursive: true, force: true }))
  cpSync(home, copy, { recursive: true })
  for (const entry of readdirSync(copy, { withFileTypes: true })) {
    if (entry.isDirectory()) chmodSync(join(copy, entry.name), 0o700)
    // The index of a log is made anew from it.
    if (entry.name.endsWith('-shm')) rmSync(join(copy, entry.name))
  }
  return copy
}

async function observed(damaged: string): Promise<Contents | ErrorCode> {
  try {
    return await workload.observe(damaged)
  } catch (thrown) {
    assert.ok(thrown instanceof LumosError, `no error of ours: ${thrown}`)
    assert.ok(thrown.hint, 'it says what to do')
    return thrown.code
  }
}

describe.each(Object.keys(FILES))('%s', file => {
  it.each(Object.keys(DAMAGES))('that %s is read right or refused', async how => {
    const random = seededRandom(SEED)
    const before = readFileSync(join(home, file))
    const codes: Record<string, number> = {}
    for (let place = 0; place < PLACES; place++) {
      const at = Math.floor(((place + random()) / PLACES) * before.length)
      const damaged = copyOfHome()
      const bytes = DAMAGES[how]!(Buffer.from(before), at, Math.floor(random() * 8))
      writeFileSync(join(damaged, file), bytes)

      const found = await observed(damaged)
      const outcome = typeof found === 'string' ? found : 'read'
      codes[outcome] = (codes[outcome] ?? 0) + 1
      const where = `${file} ${how} at ${at} of ${before.length}`
      if (typeof found === 'string') {
        assert.ok(FILES[file]!.includes(found), `${where}: ${found}`)
        assert.ok(readFileSync(join(damaged, file)).equals(bytes), `${where}: it was changed`)
        continue
      }
      const kept = file === 'core.db-wal' ? keptBefore(at, life.deeds) : life.deeds.length
      // One letter of a random word that became another one is a random word.
      const word: Contents = file === 'gateway.token' ? { token: tokenOf(life.deeds) } : {}
      assert.equal(brokenAfterDamage(life.deeds, kept, { ...found, ...word }), undefined, where)
    }
    console.log(`${file} ${how}: ${JSON.stringify(codes)}`)
  })
})

const tokenOf = (deeds: readonly Deed[]): string =>
  String(deeds.findLast(({ changes }) => changes.token !== undefined)!.changes.token)

describe('a log with damage in its middle', () => {
  it('is refused, and once moved away what was stored before it is there', async () => {
    const damaged = copyOfHome()
    const path = join(damaged, 'core.db-wal')
    const bytes = readFileSync(path)
    bytes[Math.floor(bytes.length / 2)]! ^= 1
    writeFileSync(path, bytes)
    assert.equal(await observed(damaged), 'STORE_DAMAGED')

    rmSync(path)
    const found = await observed(damaged)
    assert.ok(typeof found !== 'string')
    assert.equal(brokenAfterDamage(life.deeds, keptBefore(0, life.deeds), found), undefined)
  })
})
