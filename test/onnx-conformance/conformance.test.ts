/** A sample of `npm run onnx-conformance`, which runs all cases. */

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { describe, it } from 'vitest'
import { casesIn, TESTDATA } from './cases.ts'
import { EXCEPTIONS } from './exceptions.ts'
import { verdictsOn } from './runner.ts'

/** Takes some 20 of the 1,072 cases. */
const EVERY = 53

describe('the ONNX engine', () => {
  it('passes cases of libonnx-testdata, or fails as the list says', async ({ skip }) => {
    if (!existsSync(TESTDATA)) skip('libonnx-testdata is not installed')
    const sample = casesIn(TESTDATA).filter((_, at) => at % EVERY === 0)
    const verdicts = await Array.fromAsync(verdictsOn(TESTDATA, sample))
    assert.ok(verdicts.length >= 20)
    assert.deepEqual(
      verdicts.filter(({ expected }) => !expected),
      []
    )
    assert.ok(verdicts.some(({ exception }) => exception !== undefined))
  })
})

it('lists each case once', () => {
  const names = EXCEPTIONS.flatMap(({ cases }) => cases)
  assert.equal(new Set(names).size, names.length)
})
