/** Reads the text of pictures with the graphs of PP-OCR: where lines are, whether one is upside down, what it says. */

import { open } from 'node:fs/promises'
import type { InferenceSession } from 'onnxruntime-node'
import { EngineFailedError, LumosError } from '../../../../interface/errors.ts'
import type { AbortOptions } from '../../../../interface/lifecycle.ts'
import type { TaskOutput } from '../../../../interface/tasks/index.ts'
import type { Doing } from '../../doing.ts'
import { type Pixels, pixelsOf } from '../../pictures/picture.ts'
import { resized } from '../../pictures/resize.ts'
import { ontoQuad, type Quad, turned } from '../geometry.ts'
import { BATCH_ROWS_MAX } from '../graph-batches.ts'
import {
  checkPictureGraph,
  type Numbers,
  PictureBatches,
  type Planes,
  runOnPicture
} from '../picture-graph.ts'
import { AS_IT_IS, type Colours, warp } from '../warp.ts'
import { charactersOf, decodeCtc, KEY_CHARS_MAX, KEYS_BYTES_MAX, KEYS_MAX } from './characters.ts'
import { linesIn, sidesOf } from './detection.ts'
import { inReadingOrder } from './reading-order.ts'

export interface ReaderSettings {
  readonly form: 'reader'
  /** A file of the characters that the recognition graph knows, one a line. */
  readonly keys: string
  /** Lines that are run together at most, as the owner has set it. */
  readonly batch?: number
}

type Line = TaskOutput<'text-recognition'>['lines'][number]

/** Of the picture that lines are looked for in, as PP-OCR has it: in a larger one, large letters fall apart. */
const SEARCHED_SIDE_MAX = 960
/** The detection graph halves its picture five times. */
const SEARCHED_STEP = 32
/** Pixels of a line as the graphs take it. */
const LINE_HEIGHT = 48
const DIRECTION_WIDTH = 192
/** A shorter line stands before nothing; a longer one than the most is squeezed. */
const LINE_WIDTH_MIN = 320
const LINE_WIDTH_MAX = 3200
/** Lines are made so much narrower: of two lines in four fonts, this loses fewest spaces, and no letter. */
const NARROWED = 0.85
/** A line that is so many times higher than wide runs downwards, or upwards. */
const UPENDED = 1.5
/** Surer than this that a line is upside down. */
const UPSIDE_DOWN_MIN = 0.9
/** A line that is read less surely is none. */
const READ_MIN = 0.5

const SEARCHED: Colours = {
  order: 'BGR',
  mean: [0.485 * 255, 0.456 * 255, 0.406 * 255],
  std: [0.229 * 255, 0.224 * 255, 0.225 * 255]
}
const READ: Colours = { order: 'BGR', mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5] }

interface Graphs {
  readonly detection: InferenceSession
  readonly recognition: PictureBatches
  /** Absent: no line is upside down. */
  readonly direction?: PictureBatches | undefined
  readonly characters: readonly string[]
}

/** @throws {LumosError} `MODEL_INVALID` when the graphs and the keys do not fit. */
export async function openReader(
  sessions: Readonly<Record<string, InferenceSession>>,
  { keys, batch }: ReaderSettings
): Promise<Doing> {
  for (const session of Object.values(sessions)) checkPictureGraph(session)
  const { detection, recognition, direction } = sessions
  const graphs: Graphs = {
    ...{ detection: detection!, recognition: new PictureBatches(recognition!, batch) },
    direction: direction && new PictureBatches(direction, batch),
    characters: await readCharacters(keys)
  }
  const [output] = recognition!.outputMetadata
  const classes = output?.isTensor ? output.shape.at(-1) : undefined
  if (typeof classes === 'number' && classes > 0 && classes !== graphs.characters.length) {
    const reason = `The recognition graph knows ${classes} classes, and ${keys} has ${graphs.characters.length}`
    throw new LumosError('MODEL_INVALID', `${reason}, with "none" and the space.`)
  }
  return {
    'text-recognition': async ({ image }, _, { signal }) => ({
      output: { lines: await linesOf(image, graphs, signal) }
    })
  }
}

async function readCharacters(path: string): Promise<string[]> {
  await using file = await open(path)
  if ((await file.stat()).size > KEYS_BYTES_MAX) throw tooLarge(path, `${KEYS_BYTES_MAX} bytes`)
  const characters = charactersOf(await file.readFile('utf8'))
  if (characters.length > KEYS_MAX) throw tooLarge(path, `${KEYS_MAX} characters`)
  if (characters.some(({ length }) => length > KEY_CHARS_MAX)) {
    throw tooLarge(path, `${KEY_CHARS_MAX} letters for one character`)
  }
  return characters
}

const tooLarge = (path: string, limit: string): LumosError =>
  new LumosError('MODEL_INVALID', `${path} holds more than ${limit}.`)

async function linesOf(encoded: Uint8Array, graphs: Graphs, signal?: AbortSignal): Promise<Line[]> {
  const picture = await pixelsOf(encoded, { color: 'rgb', background: 'white', signal })
  signal?.throwIfAborted()
  const found = await quadsOf(picture, graphs)
  signal?.throwIfAborted()
  const lines = await readLines(picture, found, graphs, { signal })
  const read = lines.filter(({ score, text }) => score >= READ_MIN && text !== '')
  const pixels = (value: number, most: number): number => Math.round(Math.min(Math.max(value, 0), most))
  return inReadingOrder(read).map(({ quad, ...line }) => ({
    ...line,
    quad: quad.map(([x, y]): [number, number] => [pixels(x, picture.width), pixels(y, picture.height)])
  }))
}

async function quadsOf(picture: Pixels, { detection }: Graphs): Promise<Quad[]> {
  const scale = Math.min(1, SEARCHED_SIDE_MAX / Math.max(picture.width, picture.height))
  const side = (pixels: number): number =>
    Math.max(1, Math.round((pixels * scale) / SEARCHED_STEP)) * SEARCHED_STEP
  const sheet = { width: side(picture.width), height: side(picture.height) }
  const small = await resized(picture, sheet)
  const [map] = await runOnPicture(detection, { ...sheet, data: warp(small, AS_IT_IS, sheet, SEARCHED) })
  const [across, down] = [picture.width / sheet.width, picture.height / sheet.height]
  return linesIn(map!, sheet).map(quad => quad.map(([x, y]) => [x * across, y * down]) as unknown as Quad)
}

async function readLines(
  picture: Pixels,
  found: readonly Quad[],
  graphs: Graphs,
  options: AbortOptions
): Promise<(Omit<Line, 'quad'> & { quad: Quad })[]> {
  const along = found.map(quad => {
    const [width, height] = sidesOf(quad)
    return height >= UPENDED * width ? turned(quad, 1) : quad
  })
  const isTurned = await areUpsideDown(picture, along, graphs, options)
  const quads = along.map((quad, i) => (isTurned[i] ? turned(quad, 2) : quad))
  const said = await inParts(quads, graphs.recognition, options, quad =>
    cut(picture, quad, sheetFor(quad, LINE_WIDTH_MIN, LINE_WIDTH_MAX))
  )
  return quads.map((quad, i) => ({ quad, ...decodeCtc(said[i]![0]!, graphs.characters) }))
}

async function areUpsideDown(
  picture: Pixels,
  quads: readonly Quad[],
  { direction }: Graphs,
  options: AbortOptions
): Promise<boolean[]> {
  if (direction === undefined) return quads.map(() => false)
  const answers = await inParts(quads, direction, options, quad =>
    cut(picture, quad, sheetFor(quad, DIRECTION_WIDTH, DIRECTION_WIDTH))
  )
  return answers.map(([said]) => {
    if (said?.data.length === 2) return said.data[1]! > UPSIDE_DOWN_MIN
    throw new EngineFailedError(`The direction graph answered [${said?.dims}], and not two numbers.`)
  })
}

/** A page has hundreds of lines: no more of them are cut out at once than are run together. */
async function inParts(
  quads: readonly Quad[],
  graph: PictureBatches,
  options: AbortOptions,
  planesOf: (quad: Quad) => Planes
): Promise<Numbers[][]> {
  const answers: Numbers[][] = []
  for (let at = 0; at < quads.length; at += BATCH_ROWS_MAX)
    answers.push(...(await graph.all(quads.slice(at, at + BATCH_ROWS_MAX).map(planesOf), options)))
  return answers
}

function sheetFor(quad: Quad, widthMin: number, widthMax: number) {
  const [width, height] = sidesOf(quad)
  const shownWidth = Math.max(1, Math.min(Math.ceil((NARROWED * LINE_HEIGHT * width) / height), widthMax))
  return { width: Math.max(shownWidth, widthMin), height: LINE_HEIGHT, shownWidth }
}

const cut = (picture: Pixels, quad: Quad, sheet: ReturnType<typeof sheetFor>): Planes => ({
  ...sheet,
  data: warp(picture, ontoQuad(quad, sheet.shownWidth, sheet.height), sheet, READ)
})
