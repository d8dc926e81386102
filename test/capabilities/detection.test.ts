/** What holds for the objects that are read out of the answer of a graph, whatever its numbers are. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import {
  type Box,
  type Candidate,
  certain,
  fromDetr,
  fromYolo,
  overlapOf,
  placed,
  suppressed
} from '../../capabilities/engines/pictures/detection.ts'
import { softmax, topLabels } from '../../capabilities/engines/pictures/scores.ts'

const side = fc.integer({ min: 0, max: 20 })
const candidate: fc.Arbitrary<Candidate> = fc.record({
  label: fc.nat(2),
  score: fc.double({ min: 0, max: 1, noNaN: true }),
  box: fc.tuple(side, side, side, side)
})

describe('objects', () => {
  it('are certain enough, the most certain first, and none of one label covers another', () => {
    fc.assert(
      fc.property(
        fc.array(candidate, { maxLength: 30 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (all, limit) => {
          const kept = suppressed(certain(all, limit), 0.5)
          for (const [at, one] of kept.entries()) {
            assert.ok(one.score >= limit && (at === 0 || kept[at - 1]!.score >= one.score))
            const covered = kept.some(
              other => other !== one && other.label === one.label && overlapOf(other.box, one.box) > 0.5
            )
            assert.ok(!covered)
          }
          // What was left out is covered by one that was kept, and that is no less certain.
          for (const one of certain(all, limit).filter(left => !kept.includes(left))) {
            assert.ok(
              kept.some(
                other =>
                  other.label === one.label && other.score >= one.score && overlapOf(other.box, one.box) > 0.5
              )
            )
          }
        }
      ),
      { numRuns: 200 }
    )
  })

  it('lie where they are in the picture, however it was fitted', () => {
    const size = fc.record({
      width: fc.integer({ min: 1, max: 500 }),
      height: fc.integer({ min: 1, max: 500 })
    })
    fc.assert(
      fc.property(size, size, fc.constantFrom('fill', 'cover', 'contain'), (picture, input, fit) => {
        const everything = placed([-1e9, -1e9, 1e9, 1e9], picture, { ...input, fit })
        assert.deepEqual(everything, [0, 0, picture.width, picture.height])
        const seen = placed([0, 0, input.width, input.height], picture, { ...input, fit })!
        const middle = [(seen[0] + seen[2]) / 2, (seen[1] + seen[3]) / 2]
        assert.ok(
          Math.abs(middle[0]! - picture.width / 2) < 1e-6 && Math.abs(middle[1]! - picture.height / 2) < 1e-6
        )
        if (fit !== 'cover')
          assert.ok(Math.abs(seen[2] - picture.width) < 1e-6 && Math.abs(seen[3] - picture.height) < 1e-6)
      }),
      { numRuns: 200 }
    )
    assert.equal(
      placed([300, 0, 310, 9], { width: 10, height: 10 }, { width: 10, height: 10, fit: 'fill' }),
      undefined
    )
  })

  it('are read alike from both forms of YOLO, and from that of DETR', () => {
    const eight = Float32Array.of(10, 5, 20, 5, 4, 2, 6, 2, 0.25, 0.75, 0.5, 0)
    const five = Float32Array.of(10, 20, 4, 6, 0.5, 0.5, 1, 5, 5, 2, 2, 1, 0.75, 0)
    const boxes: Box[] = [
      [8, 17, 12, 23],
      [4, 4, 6, 6]
    ]
    const read = fromYolo({ data: eight, dims: [1, 6, 2] }, 2, 8)
    assert.deepEqual(read, [
      { label: 1, score: 0.5, box: boxes[0] },
      { label: 0, score: 0.75, box: boxes[1] }
    ])
    assert.deepEqual(fromYolo({ data: five, dims: [1, 2, 7] }, 2, 5), read)
    const logits = { data: Float32Array.of(0, 2, 0, 9, 0, 0), dims: [1, 2, 3] }
    const parts = { data: Float32Array.of(0.5, 0.5, 0.2, 0.6, 0.25, 0.25, 0.1, 0.2), dims: [1, 2, 4] }
    const found = fromDetr(logits, parts, 2, { width: 20, height: 10 })
    assert.deepEqual(
      found.map(({ label }) => label),
      [1, 0]
    )
    assert.ok(found.every(({ score }) => score > 0.7 && score < 1))
    assert.ok(found[0]!.box.every((value, at) => Math.abs(value - [8, 2, 12, 8][at]!) < 1e-5))
  })

  it.each([
    ['another shape', Float32Array.of(1, 2, 3, 4, 5), [1, 5, 1], /\[1,5,1\] where \[1,6,1\]/],
    ['no number', Float32Array.of(1, 2, 3, 4, Number.NaN, 0), [1, 6, 1], /NaN for a number/],
    ['one without end', Float32Array.of(1, 2, 3, 4, Number.POSITIVE_INFINITY, 0), [1, 6, 1], /Infinity/]
  ] as const)('are refused in an answer with %s', (_, data, dims, why) => {
    assert.throws(() => fromYolo({ data, dims }, 2, 8), { code: 'ENGINE_FAILED', message: why })
  })
})

describe('scores', () => {
  it('sum up to one, and the likeliest labels are those that sorting finds', () => {
    const logits = fc.float32Array({ minLength: 1, maxLength: 50, noNaN: true, noDefaultInfinity: true })
    fc.assert(
      fc.property(logits, fc.integer({ min: 1, max: 60 }), (values, count) => {
        const scores = softmax(values)
        assert.ok(Math.abs(scores.reduce((a, b) => a + b) - 1) < 1e-9)
        const names = Array.from(values, (_, at) => String(at))
        const sorted = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]! || a - b).slice(0, count)
        assert.deepEqual(
          topLabels(values, names, count).map(({ label }) => label),
          sorted.map(String)
        )
      }),
      { numRuns: 200 }
    )
  })

  it('are refused where a graph gives no numbers, or not one for each label', () => {
    assert.throws(() => topLabels(Float32Array.of(1, Number.NaN), ['a', 'b'], 1), { code: 'ENGINE_FAILED' })
    assert.throws(() => topLabels(Float32Array.of(1), ['a', 'b'], 1), { code: 'ENGINE_FAILED' })
    assert.throws(() => topLabels(undefined, ['a', 'b'], 1), { code: 'ENGINE_FAILED' })
  })
})
