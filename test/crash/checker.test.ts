/** The checker of the crash harness must itself fail where a promise is broken. */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { seededRandom } from '../../sim/random.ts'
import { temporaryHome } from '../storage/home.ts'
import { TracedDisk } from './disk.ts'
import { brokenAfterPowerCut, brokenPromise, type Changes, type Deed } from './workload.ts'

const deed = (changes: Changes, unsure = false, piecemeal = false): Deed => ({ changes, unsure, piecemeal })

describe('the checker of crashes', () => {
  it('misses what was told, and what was taken away and is back', () => {
    const deeds = [deed({ a: '1', b: '1' }), deed({ b: null })]
    assert.equal(brokenPromise(deeds, { a: '1' }), undefined)
    assert.match(brokenPromise(deeds, {})!, /a is gone/)
    assert.match(brokenPromise(deeds, { a: '1', b: '1' })!, /b is 1/)
    assert.match(brokenPromise(deeds, { a: '2' })!, /a is 2/)
  })

  it('takes an unfinished step whole or not at all', () => {
    const deeds = [deed({ a: '1' }), deed({ a: '2', b: '2' }, true)]
    assert.equal(brokenPromise(deeds, { a: '1' }), undefined)
    assert.equal(brokenPromise(deeds, { a: '2', b: '2' }), undefined)
    assert.notEqual(brokenPromise(deeds, { a: '2' }), undefined)
    assert.equal(
      brokenPromise([deed({ a: '1' }), deed({ a: '2', b: '2' }, true, true)], { a: '2' }),
      undefined
    )
  })

  it('lets the cache fall back to an earlier moment, and to no other', () => {
    const deeds = [deed({ 'cache:a': '1' }), deed({ 'cache:b': '1' })]
    assert.equal(brokenAfterPowerCut(deeds, { 'cache:a': '1' }), undefined)
    assert.match(brokenAfterPowerCut(deeds, { 'cache:b': '1' })!, /never held/)
    assert.match(brokenAfterPowerCut([deed({ a: '1' })], {})!, /a is gone/)
  })
})

describe('the disk under a process', () => {
  const left = (loss: 'all' | 'none', synced: readonly string[]): Record<string, string> => {
    const disk = new TracedDisk('/home', new Map())
    const change = { number: 0, to: '', bytes: Buffer.alloc(0) }
    disk.apply({ ...change, kind: 'O', path: '/home/a' })
    disk.apply({ ...change, kind: 'W', path: '/home/a', bytes: Buffer.from('old') })
    for (const path of synced) disk.apply({ ...change, kind: 'S', path })
    disk.apply({ ...change, kind: 'W', path: '/home/a', bytes: Buffer.from('new') })
    const target = temporaryHome()
    disk.cut(target, loss, seededRandom(1))
    return Object.fromEntries(
      readdirSync(target).map(name => [name, readFileSync(join(target, name), 'utf8')])
    )
  }

  it('keeps what was synced, of a name that was synced too, and no more than that', () => {
    assert.deepEqual(left('all', ['/home/a', '/home']), { a: 'old' })
    assert.deepEqual(left('all', ['/home']), { a: '' })
    assert.deepEqual(left('all', ['/home/a']), {})
    assert.deepEqual(left('none', []), { a: 'new' })
  })
})
