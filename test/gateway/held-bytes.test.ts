import assert from 'node:assert/strict'
import { expect, it } from 'vitest'
import { HeldBytes } from '../../gateway/held-bytes.ts'
import type { Caller } from '../../interface/units.ts'

const MIB = 1024 * 1024
const OVERLOADED = expect.objectContaining({ code: 'OVERLOADED' })

it('bodies of one caller leave room for those of others, and small ones need none of the common room', () => {
  const held = new HeldBytes(10 * MIB)
  const caller = (): Caller => ({ origin: 'tcp', permissions: [] })
  const body = (of: Caller, bytes: number) => {
    const received = { caller: of, bytes: 0 }
    try {
      held.add(received, bytes)
      return received
    } catch (err) {
      held.drop(received)
      throw err
    }
  }
  const [greedy, owner, third] = [caller(), caller(), caller()]
  const large = [body(greedy, 10 * MIB), body(greedy, 10 * MIB)]
  expect(() => body(greedy, 1)).toThrow(OVERLOADED)
  large.push(body(owner, 10 * MIB), body(owner, 9 * MIB))
  expect(() => body(third, 2 * MIB)).toThrow(OVERLOADED)
  for (let i = 0; i < 10; i++) body(third, MIB)
  body(owner, MIB)

  held.drop(large[0]!)
  body(third, 2 * MIB)
  body(greedy, MIB)
  assert.deepEqual(
    large.map(({ bytes }) => bytes),
    [0, 10 * MIB, 10 * MIB, 9 * MIB]
  )
})
