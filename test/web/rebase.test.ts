/** Notes on the page, edited here and by another device at once. */

import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import { rebased } from '../../web/memory/rebase.ts'

const BASE = 'one\ntwo\nthree'

describe('an edit of notes on the page', () => {
  it('stays where another device edited another place, before it or after it', () => {
    assert.equal(rebased(BASE, 'one!\ntwo\nthree', 'one\ntwo\nthree\nfour'), 'one!\ntwo\nthree\nfour')
    assert.equal(rebased(BASE, 'one\ntwo\nthree!', 'zero\none\ntwo\nthree'), 'zero\none\ntwo\nthree!')
    assert.equal(rebased(BASE, 'one\ntwo\nthree!', 'two\nthree'), 'two\nthree!')
  })

  it('is the text of the other device where nothing was edited here, and stays as it is where nothing came', () => {
    assert.equal(rebased(BASE, BASE, 'other'), 'other')
    assert.equal(rebased(BASE, 'mine', BASE), 'mine')
    assert.equal(rebased(BASE, 'same', 'same'), 'same')
  })

  it('asks the reader where both edited one place', () => {
    assert.equal(rebased(BASE, 'ONE\ntwo\nthree', 'uno\ntwo\nthree'), undefined)
    assert.equal(rebased('', 'mine', 'theirs'), undefined)
  })
})
