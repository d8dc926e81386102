/** The arithmetic of pictures, by itself: what graphs say may be anything. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { ALIGNED_POINTS, fromAligned, unit } from '../../capabilities/engines/onnx/faces/alignment.ts'
import { facesIn } from '../../capabilities/engines/onnx/faces/detection.ts'
import {
  type Affine,
  apply,
  convexHull,
  distance,
  inverse,
  ontoQuad,
  type Point,
  type Quad,
  similarity,
  smallestRectangle,
  turned
} from '../../capabilities/engines/onnx/geometry.ts'
import { charactersOf, decodeCtc } from '../../capabilities/engines/onnx/text/characters.ts'
import { linesIn } from '../../capabilities/engines/onnx/text/detection.ts'
import { inReadingOrder } from '../../capabilities/engines/onnx/text/reading-order.ts'
import { AS_IT_IS, warp } from '../../capabilities/engines/onnx/warp.ts'
import { FACES_MAX, LINES_MAX } from '../../interface/limits.ts'

const coordinate = fc.integer({ min: 0, max: 500 })
const point = fc.tuple(coordinate, coordinate)
const points = fc.array(point, { minLength: 1, maxLength: 40 })
const angle = fc.double({ min: -Math.PI, max: Math.PI, noNaN: true })
const size = fc.integer({ min: 5, max: 200 })

const turn = (radians: number, scale = 1, x = 0, y = 0): Affine => {
  const [c, s] = [Math.cos(radians) * scale, Math.sin(radians) * scale]
  return [c, -s, x, s, c, y]
}
const areaOf = (quad: Quad): number => distance(quad[0], quad[1]) * distance(quad[1], quad[2])
const near = (a: Point, b: Point, most = 1e-6): boolean => distance(a, b) <= most

describe('the smallest rectangle around points', () => {
  it('holds all of them', () => {
    fc.assert(
      fc.property(points, all => {
        const quad = smallestRectangle(all)
        const [width, height] = [distance(quad[0], quad[1]), distance(quad[1], quad[2])]
        fc.pre(width > 0.01 && height > 0.01)
        const back = ontoQuad(quad, width, height)
        for (const one of all) {
          const [x, y] = apply(inverse(back), one)
          assert.ok(x >= -1e-3 && x <= width + 1e-3 && y >= -1e-3 && y <= height + 1e-3)
        }
      })
    )
  })

  it('is the rectangle itself, however turned, its first side the one that points to the right', () => {
    fc.assert(
      fc.property(size, size, angle, (width, height, radians) => {
        const corners = (
          [
            [0, 0],
            [width, 0],
            [width, height],
            [0, height]
          ] as const
        ).map(corner => apply(turn(radians, 1, 300, 300), corner))
        const quad = smallestRectangle(corners)
        assert.ok(Math.abs(areaOf(quad) - width * height) < 1e-4 * width * height)
        const [x, y] = [quad[1][0] - quad[0][0], quad[1][1] - quad[0][1]]
        assert.ok(x >= Math.abs(y) - 1e-6 * width)
        for (const corner of quad) assert.ok(corners.some(other => near(corner, other, 1e-3)))
      })
    )
  })

  it('is found with the hull alone', () => {
    fc.assert(
      fc.property(points, all => {
        assert.ok(
          Math.abs(areaOf(smallestRectangle(convexHull(all))) - areaOf(smallestRectangle(all))) < 1e-6
        )
      })
    )
  })
})

describe('a similarity of points', () => {
  it('is found again, whatever it turns, sizes and moves', () => {
    fc.assert(
      fc.property(
        angle,
        fc.double({ min: 0.1, max: 10, noNaN: true }),
        coordinate,
        coordinate,
        (r, s, x, y) => {
          const map = turn(r, s, x, y)
          const found = similarity(
            ALIGNED_POINTS,
            ALIGNED_POINTS.map(one => apply(map, one))
          )!
          for (const one of ALIGNED_POINTS) assert.ok(near(apply(found, one), apply(map, one), 1e-6))
        }
      )
    )
  })

  it('leaves less than any other: of two points that move apart, each is half as wrong', () => {
    // Squares: from a side of 2 to a rectangle of 4 by 2, about one middle. By hand: the scale is 1.5.
    const from: Point[] = [
      [-1, -1],
      [1, -1],
      [1, 1],
      [-1, 1]
    ]
    const to: Point[] = [
      [-2, -1],
      [2, -1],
      [2, 1],
      [-2, 1]
    ]
    assert.deepEqual(
      similarity(from, to)!.map(value => Math.abs(value)),
      [1.5, 0, 0, 0, 1.5, 0]
    )
  })

  it('is none of points at one place, so that no face is made of it', () => {
    assert.equal(fromAligned(ALIGNED_POINTS.map((): Point => [5, 5])), undefined)
    assert.equal(unit(new Float32Array(8)), undefined)
    assert.deepEqual([...unit(Float32Array.of(3, 4))!], [...Float32Array.of(0.6, 0.8)])
  })
})

describe('a part of a picture', () => {
  const data = Uint8Array.from({ length: 4 * 2 * 3 }, (_, i) => i * 10)
  const picture = { width: 4, height: 2, data }
  const plain = { mean: [0, 0, 0], std: [1, 1, 1] } as const

  it('is the pixels themselves where nothing is changed, plane by plane in the order of colours', () => {
    const rgb = warp(picture, AS_IT_IS, picture, { ...plain, order: 'RGB' })
    const bgr = warp(picture, AS_IT_IS, picture, { ...plain, order: 'BGR' })
    assert.deepEqual([...rgb.subarray(0, 8)], [0, 30, 60, 90, 120, 150, 180, 210])
    assert.deepEqual([...bgr.subarray(16)], [...rgb.subarray(0, 8)])
  })

  it('is turned by the corner that its quad begins with', () => {
    const quad: Quad = [
      [0, 0],
      [4, 0],
      [4, 2],
      [0, 2]
    ]
    const sheet = { width: 4, height: 2 }
    const around = warp(picture, ontoQuad(turned(quad, 2), 4, 2), sheet, { ...plain, order: 'RGB' })
    assert.deepEqual([...around.subarray(0, 8)], [210, 180, 150, 120, 90, 60, 30, 0])
  })

  it('is the mean of what it covers where it is made smaller', () => {
    const [value] = warp(
      picture,
      ontoQuad(
        [
          [0, 0],
          [4, 0],
          [4, 2],
          [0, 2]
        ],
        1,
        1
      ),
      { width: 1, height: 1 },
      { ...plain, order: 'RGB' }
    )
    assert.ok(Math.abs(value! - 105) < 1)
  })
})

describe('lines in a map', () => {
  const WIDTH = 64
  const HEIGHT = 32
  const bar = (value: number): Float32Array => {
    const map = new Float32Array(WIDTH * HEIGHT)
    for (let y = 10; y < 18; y++) map.fill(value, y * WIDTH + 8, y * WIDTH + 48)
    return map
  }
  const lines = (data: Float32Array, dims = [1, 1, HEIGHT, WIDTH]) =>
    linesIn({ dims, data }, { width: WIDTH, height: HEIGHT })

  it('are rectangles that grow by their area through their outline', () => {
    // 40 by 8: 40 * 8 * 1.5 / (2 * 48) = 5 on each side.
    assert.deepEqual(lines(bar(0.9)), [
      [
        [3, 5],
        [53, 5],
        [53, 23],
        [3, 23]
      ]
    ])
  })

  it('are none where the map is not sure, and where it is no number', () => {
    assert.deepEqual(lines(bar(0.5)), [])
    assert.deepEqual(lines(bar(Number.NaN)), [])
  })

  it('are at most so many, the largest', () => {
    const side = 256
    const map = new Float32Array(side * side)
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++) if (x % 5 < 4 && y % 5 < 4) map[y * side + x] = 1
    assert.equal(
      linesIn({ dims: [1, 1, side, side], data: map }, { width: side, height: side }).length,
      LINES_MAX
    )
  })

  it('are refused of a map of another size', () => {
    assert.throws(() => lines(bar(0.9), [1, 1, 4, 4]), { code: 'ENGINE_FAILED' })
  })
})

describe('the order of lines', () => {
  const quad = (x: number, y: number): Quad => [
    [x, y],
    [x + 90, y],
    [x + 90, y + 20],
    [x, y + 20]
  ]
  const page = [quad(0, 0), quad(120, 3), quad(0, 40), quad(120, 44), quad(0, 80)]

  it('is row by row, however the page is turned and whatever was found first', () => {
    const order = fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 })
    fc.assert(
      fc.property(order, angle, (found, radians) => {
        const lines = found.map(at => ({
          at,
          quad: page[at]!.map(corner => apply(turn(radians), corner)) as unknown as Quad
        }))
        assert.deepEqual(
          inReadingOrder(lines).map(({ at }) => at),
          [0, 1, 2, 3, 4]
        )
      })
    )
  })
})

describe('the characters of a line', () => {
  const characters = charactersOf('a\nb\r\nc\n')
  const said = (...best: number[]) => {
    const data = new Float32Array(best.length * characters.length)
    for (const [column, one] of best.entries()) data[column * characters.length + one] = 0.5
    return { dims: [1, best.length, characters.length], data }
  }

  it('are those of the columns without repetitions and without "none"', () => {
    assert.deepEqual(characters, ['', 'a', 'b', 'c', ' '])
    assert.deepEqual(decodeCtc(said(0, 1, 1, 0, 1, 2, 4, 3, 0, 4), characters), { text: 'aab c', score: 0.5 })
    assert.deepEqual(decodeCtc(said(0, 0), characters), { text: '', score: 0 })
  })

  it('are refused of another number of classes', () => {
    assert.throws(() => decodeCtc({ dims: [1, 2, 4], data: new Float32Array(8) }, characters), {
      code: 'ENGINE_FAILED'
    })
  })
})

describe('faces in what a graph says', () => {
  const SIDE = 64
  const outputs = (score: number) =>
    [8, 16, 32].flatMap(stride =>
      [1, 4, 10].map(numbers => {
        const anchors = 2 * (SIDE / stride) ** 2
        const data = new Float32Array(anchors * numbers)
        if (numbers === 1) data.fill(score)
        return { dims: [1, anchors, numbers], data }
      })
    )

  it('have box and points in strides from their place', () => {
    const all = outputs(0)
    // The second anchor of the place at column 3, row 2 of the grid of 8.
    const anchor = (2 * 8 + 3) * 2 + 1
    all[0]!.data[anchor] = 0.75
    all[1]!.data.set([1, 0.5, 2, 3], anchor * 4)
    all[2]!.data.set([-1, 0, 1, 0, 0, 1, -0.5, 2, 0.5, 2], anchor * 10)
    assert.deepEqual(facesIn(all.toReversed(), SIDE), [
      {
        score: 0.75,
        box: [24 - 8, 16 - 4, 24 + 16, 16 + 24],
        points: [
          [16, 16],
          [32, 16],
          [24, 24],
          [20, 32],
          [28, 32]
        ]
      }
    ])
  })

  it('are at most so many, and scores are at most 1', () => {
    const all = outputs(7)
    const faces = facesIn(all, SIDE)
    assert.ok(faces.length <= FACES_MAX && faces.every(({ score }) => score === 1))
  })

  it('are refused where an output is missing, of another size or there twice', () => {
    const all = outputs(0)
    for (const wrong of [
      all.slice(1),
      [...all, all[0]!],
      all.with(4, { dims: [4], data: new Float32Array(4) })
    ]) {
      assert.throws(() => facesIn(wrong, SIDE), { code: 'ENGINE_FAILED' })
    }
  })
})
