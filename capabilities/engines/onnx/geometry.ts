/** Points, rectangles and affine maps of the plane, in pixels: `y` grows downwards. */

export type Point = readonly [x: number, y: number]
/** The corners of a rectangle: left above, right above, right below, left below, as its content is read. */
export type Quad = readonly [Point, Point, Point, Point]
/** Maps `[x, y]` to `[a x + b y + c, d x + e y + f]`. */
export type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number]

const minus = ([ax, ay]: Point, [bx, by]: Point): Point => [ax - bx, ay - by]
export const distance = (a: Point, b: Point): number => Math.hypot(a[0] - b[0], a[1] - b[1])
const cross = ([ax, ay]: Point, [bx, by]: Point): number => ax * by - ay * bx

/** The corners of the smallest convex shape around the points, in turn (Andrew's monotone chain). */
export function convexHull(points: readonly Point[]): Point[] {
  const sorted = points.toSorted(([ax, ay], [bx, by]) => ax - bx || ay - by)
  const half = (way: readonly Point[]): Point[] => {
    const chain: Point[] = []
    for (const point of way) {
      while (chain.length > 1 && cross(minus(chain.at(-1)!, chain.at(-2)!), minus(point, chain.at(-2)!)) <= 0)
        chain.pop()
      chain.push(point)
    }
    return chain.slice(0, -1)
  }
  const hull = [...half(sorted), ...half(sorted.toReversed())]
  return hull.length > 0 ? hull : sorted.slice(0, 1)
}

/** The smallest rectangle around the points. One of its sides lies on a side of their hull. */
export function smallestRectangle(points: readonly Point[]): Quad {
  const hull = convexHull(points)
  let smallest = rectangleAlong(hull, [1, 0])
  let area = Number.POSITIVE_INFINITY
  for (const [i, point] of hull.entries()) {
    const [x, y] = minus(hull[(i + 1) % hull.length]!, point)
    const length = Math.hypot(x, y)
    if (length === 0) continue
    const quad = rectangleAlong(hull, [x / length, y / length])
    const size = distance(quad[0], quad[1]) * distance(quad[1], quad[2])
    if (size >= area) continue
    smallest = quad
    area = size
  }
  return upright(smallest)
}

function rectangleAlong(points: readonly Point[], [ux, uy]: Point): Quad {
  const along = points.map(([x, y]) => x * ux + y * uy)
  const across = points.map(([x, y]) => y * ux - x * uy)
  const [left, right] = [Math.min(...along), Math.max(...along)]
  const [top, bottom] = [Math.min(...across), Math.max(...across)]
  const at = (s: number, t: number): Point => [s * ux - t * uy, s * uy + t * ux]
  return [at(left, top), at(right, top), at(right, bottom), at(left, bottom)]
}

/** The same rectangle, its first side the one that is nearest to pointing right. */
function upright(quad: Quad): Quad {
  const [x, y] = minus(quad[1], quad[0])
  const turns = Math.round(Math.atan2(y, x) / (Math.PI / 2))
  return turned(quad, -turns)
}

/** The same corners, beginning `quarters` of a turn later. */
export function turned(quad: Quad, quarters: number): Quad {
  const at = (i: number): Point => quad[(((i + quarters) % 4) + 4) % 4]!
  return [at(0), at(1), at(2), at(3)]
}

/** The rectangle with each side moved outwards by `by`. */
export function grown(quad: Quad, by: number): Quad {
  const direction = (from: Point, to: Point): Point => {
    const length = distance(from, to) || 1
    return [((to[0] - from[0]) * by) / length, ((to[1] - from[1]) * by) / length]
  }
  const [rx, ry] = direction(quad[0], quad[1])
  const [dx, dy] = direction(quad[1], quad[2])
  const [a, b, c, d] = quad
  return [
    [a[0] - rx - dx, a[1] - ry - dy],
    [b[0] + rx - dx, b[1] + ry - dy],
    [c[0] + rx + dx, c[1] + ry + dy],
    [d[0] - rx + dx, d[1] - ry + dy]
  ]
}

export const apply = ([a, b, c, d, e, f]: Affine, [x, y]: Point): Point => [
  a * x + b * y + c,
  d * x + e * y + f
]

/** From a rectangle of this size, its first corner at `[0, 0]`, to the quad. */
export function ontoQuad([origin, right, , below]: Quad, width: number, height: number): Affine {
  const [ax, ay] = minus(right, origin)
  const [bx, by] = minus(below, origin)
  return [ax / width, bx / height, origin[0], ay / width, by / height, origin[1]]
}

/**
 * Turns, sizes and moves `from` so that it comes as near to `to` as it can: the sum of the squares of what is left is
 * the least. As complex numbers it is `w = p z + q`, and nothing is mirrored.
 *
 * @returns undefined where all points of `from`, or of `to`, are at one place.
 */
export function similarity(from: readonly Point[], to: readonly Point[]): Affine | undefined {
  const [zx, zy] = centre(from)
  const [wx, wy] = centre(to)
  let [real, imaginary, spread] = [0, 0, 0]
  for (const [i, [fx, fy]] of from.entries()) {
    const [x, y] = [fx - zx, fy - zy]
    const [u, v] = minus(to[i]!, [wx, wy])
    real += x * u + y * v
    imaginary += x * v - y * u
    spread += x * x + y * y
  }
  const [p, q] = [real / spread, imaginary / spread]
  if (!(Math.hypot(p, q) > 1e-9)) return undefined
  return [p, -q, wx - p * zx + q * zy, q, p, wy - q * zx - p * zy]
}

export const centre = (points: readonly Point[]): Point => [
  points.reduce((sum, [x]) => sum + x, 0) / points.length,
  points.reduce((sum, [, y]) => sum + y, 0) / points.length
]

/** The map that undoes this one. */
export function inverse([a, b, c, d, e, f]: Affine): Affine {
  const area = a * e - b * d
  return [e / area, -b / area, (b * f - c * e) / area, -d / area, a / area, (c * d - a * f) / area]
}
