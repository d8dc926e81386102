/** The columns of each view: what a cell says, and in which order its column puts the rows. */

import { bytes, milliseconds } from '../../quantities.ts'
import type { ViewName } from './keys.ts'
import type { DeviceRow, ModelRow, RequestRow, Snapshot } from './snapshot.ts'
import { sparkline } from './spark.ts'

export interface Column<Row> {
  readonly title: string
  cell(row: Row, utf8: boolean): string
  /** Ascending. */
  order(row: Row): string | number
  readonly end?: boolean
  /** The first to go where the terminal is narrow has the highest. */
  readonly spare: number
}

const NONE = '–'
const LAST = Number.POSITIVE_INFINITY
const LOAD_COLUMNS = 8

const percent = (part: number): string => `${Math.round(part * 100)} %`
const state = (row: DeviceRow): string => (row.state === 'this' ? 'this one' : row.state)

const DEVICES: readonly Column<DeviceRow>[] = [
  { title: 'DEVICE', cell: row => row.name, order: row => row.name, spare: 0 },
  { title: 'STATE', cell: state, order: row => Number(row.state === 'offline'), spare: 0 },
  {
    ...{ title: 'LOAD', spare: 1 },
    cell: ({ load, loads }, utf8) =>
      load === null
        ? NONE
        : `${sparkline(loads, LOAD_COLUMNS, 1, utf8)} ${percent(load).padStart('100 %'.length)}`,
    order: ({ load }) => -(load ?? -1)
  },
  {
    ...{ title: 'MEMORY', end: true, spare: 3 },
    cell: ({ memoryUsed, memoryTotal }) =>
      memoryUsed === null || memoryTotal === null ? NONE : `${bytes(memoryUsed)} of ${bytes(memoryTotal)}`,
    order: ({ memoryUsed }) => -(memoryUsed ?? -1)
  },
  {
    ...{ title: 'RUNS', end: true, spare: 2 },
    cell: ({ running, queued }) =>
      running === null ? NONE : queued ? `${running} + ${queued} wait` : String(running),
    order: ({ running }) => -(running ?? -1)
  },
  {
    ...{ title: 'RTT', end: true, spare: 4 },
    cell: ({ rttMs }) => (rttMs === null ? NONE : milliseconds(rttMs)),
    order: ({ rttMs }) => rttMs ?? LAST
  },
  { title: 'PATH', cell: row => row.path ?? NONE, order: row => row.path ?? NONE, spare: 6 },
  {
    ...{ title: 'MODELS', spare: 5 },
    cell: ({ models }) => (models.length === 0 ? NONE : `${models.length}: ${models.join(', ')}`),
    order: ({ models }) => -models.length
  }
]

const MODELS: readonly Column<ModelRow>[] = [
  { title: 'MODEL', cell: row => row.id, order: row => row.id, spare: 0 },
  { title: 'STATE', cell: row => row.status, order: row => row.status, spare: 0 },
  { title: 'TASK', cell: row => row.type, order: row => row.type, spare: 2 },
  {
    ...{ title: 'SIZE', end: true, spare: 3 },
    cell: ({ size }) => (size === null ? NONE : bytes(size)),
    order: ({ size }) => -(size ?? -1)
  },
  {
    ...{ title: 'TOKENS/S', end: true, spare: 4 },
    cell: ({ tokensPerSecond: speed }) => (speed === null ? NONE : speed.toFixed(1)),
    order: ({ tokensPerSecond: speed }) => -(speed ?? -1)
  },
  {
    ...{ title: 'DEVICES', spare: 1 },
    cell: row => row.devices.join(', '),
    order: row => -row.devices.length
  }
]

const REQUESTS: readonly Column<RequestRow>[] = [
  // Rows come with the newest first, and a sort keeps the order of equals.
  { title: 'REQUEST', cell: row => row.requestId.slice(0, 8), order: () => 0, spare: 4 },
  { title: 'STATE', cell: row => row.state, order: row => Number(row.state !== 'running'), spare: 0 },
  { title: 'MODEL', cell: row => row.model ?? NONE, order: row => row.model ?? '', spare: 0 },
  { title: 'TASK', cell: row => row.task, order: row => row.task, spare: 5 },
  { title: 'DEVICE', cell: row => row.device ?? NONE, order: row => row.device ?? '', spare: 1 },
  {
    ...{ title: 'FIRST', end: true, spare: 3 },
    cell: ({ firstChunkMs }) => (firstChunkMs === null ? NONE : milliseconds(firstChunkMs)),
    order: ({ firstChunkMs }) => -(firstChunkMs ?? -1)
  },
  {
    ...{ title: 'TIME', end: true, spare: 1 },
    cell: row => milliseconds(row.durationMs),
    order: row => -row.durationMs
  },
  {
    ...{ title: 'CHUNKS', end: true, spare: 2 },
    cell: row => String(row.chunks),
    order: row => -row.chunks
  }
]

const COLUMNS = { devices: DEVICES, models: MODELS, requests: REQUESTS }

export interface Listing {
  readonly columns: readonly Omit<Column<never>, 'cell' | 'order'>[]
  readonly cells: readonly (readonly string[])[]
}

/** The rows of a view in the order that a column asks for. */
export function listing(snapshot: Snapshot, view: ViewName, sort: number, utf8: boolean): Listing {
  const sorted = <Row>(columns: readonly Column<Row>[], rows: readonly Row[]): Listing => {
    const { order } = columns[sort]!
    const cells = [...rows]
      .sort((a, b) => compare(order(a), order(b)))
      .map(row => columns.map(column => column.cell(row, utf8)))
    return { columns, cells }
  }
  if (view === 'devices') return sorted(COLUMNS.devices, snapshot.devices)
  if (view === 'models') return sorted(COLUMNS.models, snapshot.models)
  return sorted(COLUMNS.requests, snapshot.requests)
}

export const columnCount = (view: ViewName): number => COLUMNS[view].length

const compare = (a: string | number, b: string | number): number => (a < b ? -1 : a > b ? 1 : 0)
