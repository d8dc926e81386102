import assert from 'node:assert/strict'
import { it } from 'vitest'
import { ALIGNED_POINTS } from '../../capabilities/engines/onnx/faces/alignment.ts'
import { facesIn } from '../../capabilities/engines/onnx/faces/detection.ts'

const SIDE = 32

it('leaves out a face whose five points are at one place, and keeps the others', () => {
  const outputs = [8, 16, 32].flatMap(stride => {
    const anchors = (SIDE / stride) ** 2 * 2
    return [1, 4, 10].map(width => ({ dims: [anchors, width], data: new Float32Array(anchors * width) }))
  })
  const [scores, boxes, points] = outputs.map(({ data }) => data)
  // The surer one is odd, and both are at one place.
  scores!.set([0.9, 0.8])
  boxes!.set([0, 0, 1, 1, 0, 0, 1, 1])
  points!.set(
    ALIGNED_POINTS.flat().map(value => value / 112),
    10
  )
  assert.deepEqual(
    facesIn(outputs, SIDE).map(({ score }) => score.toFixed(1)),
    ['0.8']
  )
})
