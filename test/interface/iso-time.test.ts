/** Times that other devices state. */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'vitest'
import { isoTime } from '../../interface/iso-time.ts'

const COMMANDS = new URL('../../cli/commands/memory/', import.meta.url)

describe('a time that another device states', () => {
  it('is shown, also where no calendar has it', () => {
    assert.equal(isoTime(0), '1970-01-01T00:00:00.000Z')
    assert.equal(isoTime(8.64e15), '+275760-09-13T00:00:00.000Z')
    for (const ms of [2 ** 53 - 1, -1e300, Number.NaN, Number.POSITIVE_INFINITY])
      assert.equal(isoTime(ms), String(ms))
  })

  it('is shown by no command of memory in a way that can throw', () => {
    for (const file of readdirSync(COMMANDS))
      assert.doesNotMatch(readFileSync(new URL(file, COMMANDS), 'utf8'), /toISOString/, file)
  })
})
