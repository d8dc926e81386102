import assert from 'node:assert/strict'
import { it } from 'vitest'
import { lastOf } from '../../node/models/model-check.ts'

it('a checkpoint of the check of models holds the last findings, and stays below what a job may hold', () => {
  const finding = (n: number, chars: number) => ({
    path: `${n}/${'x'.repeat(chars)}`,
    mark: 'm',
    problem: null
  })
  const short = Array.from({ length: 1500 }, (_, n) => finding(n, 10))
  assert.deepEqual(lastOf(short), short.slice(500))
  const long = Array.from({ length: 1000 }, (_, n) => finding(n, 4096))
  const kept = lastOf(long)
  assert.ok(JSON.stringify(kept).length <= 512 * 1024 + 2)
  assert.ok(kept.length > 100)
  assert.equal(kept.at(-1), long.at(-1))
  assert.deepEqual(lastOf([]), [])
})
