/** What is known, as rows of a terminal. Nothing here reads a clock, a terminal or a node. */

import { printable, type Style, widthOf } from '../../output.ts'
import { ascii } from '../../terminal.ts'
import { type Listing, listing } from './columns.ts'
import { HELP, VIEWS, type View } from './keys.ts'
import type { Snapshot } from './snapshot.ts'
import { sparkline } from './spark.ts'

export interface Shape {
  readonly rows: number
  readonly columns: number
  readonly utf8: boolean
  paint(style: Style, text: string): string
}

export interface Known {
  readonly snapshot: Snapshot | undefined
  /** Requests begun in each of the last seconds. */
  readonly perSecond: readonly number[]
  /** Why the node does not answer now. */
  readonly failure: string | undefined
}

const GAP = 2
/** A narrower name says little. */
const CELL_MIN = 6
/** A column leaves before the others are cut below this. */
const CELL_WANTED = 20
const RATE_COLUMNS = 30

/** At most `rows` lines, none wider than `columns`. */
export function render({ snapshot, perSecond, failure }: Known, view: View, shape: Shape): string[] {
  const plain = (text: string) => fitted(clean(text, shape.utf8), shape.columns)
  const head =
    snapshot === undefined
      ? [plain(failure ?? 'Reading the mesh…')]
      : [shape.paint('bold', plain(titleOf(snapshot))), plain(rateOf(snapshot, perSecond, shape.utf8))]
  if (failure !== undefined && snapshot !== undefined) head.push(shape.paint('red', plain(failure)))
  const tabs = VIEWS.map((name, n) => (name === view.name ? `[${n + 1} ${name}]` : ` ${n + 1} ${name} `))
  head.push(plain(`${tabs.join(' ')}${view.paused ? '   paused: p goes on' : ''}`), '')

  const foot = [shape.paint('dim', plain('q ends  tab other view  s sort  p pause  ? keys'))]
  const room = Math.max(0, shape.rows - head.length - foot.length)
  const body = view.help ? HELP.map(([keys, what]) => plain(`${keys.padEnd(32)}${what}`)) : []
  if (!view.help && snapshot !== undefined) body.push(...tableOf(snapshot, view, shape, room))
  return [...head, ...body.slice(0, room), ...foot].slice(0, shape.rows)
}

const titleOf = ({ mesh, name, version, devices }: Snapshot): string => {
  const online = devices.filter(({ state }) => state !== 'offline').length
  return `${mesh}  ${online} of ${devices.length} devices online  seen from ${name}, lumos-node ${version}`
}

function rateOf({ requests }: Snapshot, perSecond: readonly number[], utf8: boolean): string {
  const running = requests.filter(({ state }) => state === 'running').length
  const most = Math.max(1, ...perSecond.slice(-RATE_COLUMNS))
  const now = perSecond.at(-1) ?? 0
  return `requests/s ${sparkline(perSecond, RATE_COLUMNS, most, utf8)} ${now}, at most ${most}  running ${running}`
}

function tableOf(snapshot: Snapshot, view: View, shape: Shape, room: number): string[] {
  const { columns, cells } = cleaned(listing(snapshot, view.name, view.sort, shape.utf8), shape.utf8)
  if (cells.length === 0) return [fitted(EMPTY[view.name], shape.columns)]
  const titles = columns.map(({ title }, n) => (n === view.sort ? `${title}*` : title))
  const widths = widthsOf([titles, ...cells], columns, shape.columns - GAP)
  const line = (row: readonly string[], mark: string): string => {
    const parts = row.flatMap((cell, n) =>
      widths[n] === 0 ? [] : [padded(cell, widths[n]!, columns[n]!.end === true)]
    )
    return `${mark.padEnd(GAP)}${parts.join(' '.repeat(GAP))}`.trimEnd()
  }
  const selected = Math.min(view.selected, cells.length - 1)
  const rows = Math.max(1, room - 1)
  // The selected row is on the screen, with as little movement as may be.
  const from = Math.max(0, Math.min(selected - rows + 1, cells.length - rows))
  const shown = cells.slice(from, from + rows)
  return [
    shape.paint('bold', line(titles, '')),
    ...shown.map((row, n) => (from + n === selected ? shape.paint('green', line(row, '>')) : line(row, '')))
  ]
}

const EMPTY = {
  devices: 'No device is known.',
  models: 'No model is here. To get one: lumos-node pull --help',
  requests: 'No request yet. To ask: lumos-node chat'
}

/** Columns of the terminal for each cell; 0 for a column that has no room. Last, the widest ones give way. */
function widthsOf(
  rows: readonly (readonly string[])[],
  columns: readonly { readonly spare: number }[],
  width: number
): number[] {
  const widths = columns.map((_, n) => Math.max(...rows.map(row => widthOf(row[n]!))))
  const total = () => widths.reduce((sum, one) => sum + (one === 0 ? 0 : one + GAP), 0) - GAP
  const least = () =>
    widths.reduce((sum, one) => sum + (one === 0 ? 0 : Math.min(one, CELL_WANTED) + GAP), 0) - GAP
  for (const { spare, n } of columns
    .map((column, n) => ({ ...column, n }))
    .sort((a, b) => b.spare - a.spare)) {
    if (spare > 0 && least() > width) widths[n] = 0
  }
  while (total() > width) {
    const widest = widths.indexOf(Math.max(...widths))
    if (widths[widest]! <= CELL_MIN) break
    widths[widest]!--
  }
  return widths
}

const cleaned = ({ columns, cells }: Listing, utf8: boolean): Listing => ({
  columns,
  cells: cells.map(row => row.map(cell => clean(cell, utf8)))
})

/** Names come from other devices. */
function clean(text: string, utf8: boolean): string {
  const line = printable(text).replace(/[\n\t]/g, ' ')
  return utf8 ? line : ascii(line)
}

function padded(cell: string, width: number, end: boolean): string {
  const text = fitted(cell, width)
  const space = ' '.repeat(width - widthOf(text))
  return end ? space + text : text + space
}

function fitted(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  let cut = ''
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text)) {
    // One column is for the sign that something is missing.
    if (widthOf(cut + segment) >= width) break
    cut += segment
  }
  return width > 0 ? `${cut}~` : ''
}
