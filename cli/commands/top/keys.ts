/** What the keys do to what is shown. */

export const VIEWS = ['devices', 'models', 'requests'] as const
export type ViewName = (typeof VIEWS)[number]

export interface View {
  readonly name: ViewName
  /** Row that is marked, from 0. */
  readonly selected: number
  /** Place of the column by which rows are sorted. */
  readonly sort: number
  readonly paused: boolean
  readonly help: boolean
}

export const FIRST_VIEW: View = { name: 'devices', selected: 0, sort: 0, paused: false, help: false }

export const HELP = [
  ['tab, 1, 2, 3', 'devices, models, requests'],
  ['up, down, k, j', 'another row'],
  ['page up, page down, home, end', 'rows further away'],
  ['s', 'sort by the next column'],
  ['p', 'pause, or go on'],
  ['?', 'these keys, or back'],
  ['q, ctrl-c', 'end']
] as const

const PAGE = 10

/** The rows that there are bound the selection when they are drawn. */
const MOVES: Readonly<Record<string, number>> = {
  '\u001b[A': -1,
  '\u001bOA': -1,
  k: -1,
  '\u001b[B': 1,
  '\u001bOB': 1,
  j: 1,
  '\u001b[5~': -PAGE,
  '\u001b[6~': PAGE,
  '\u001b[H': Number.NEGATIVE_INFINITY,
  '\u001b[F': Number.POSITIVE_INFINITY
}

/** What one read of the terminal holds: several keys where they came fast. */
export const keysOf = (typed: string): string[] =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal sends keys as escape sequences
  typed.match(/\u001b(?:\[[0-9;]*[A-Za-z~]|O[A-Z])?|[^\u001b]/gu) ?? []

/** @returns undefined to end. */
export function pressed(
  view: View,
  key: string,
  { rows, columns }: { readonly rows: number; readonly columns: number }
): View | undefined {
  const move = MOVES[key]
  if (move !== undefined) {
    return { ...view, selected: Math.max(0, Math.min(rows - 1, view.selected + move)) }
  }
  switch (key) {
    case 'q':
    case '\u0003':
    case '\u0004':
      return undefined
    case '\t':
      return shown(view, VIEWS[(VIEWS.indexOf(view.name) + 1) % VIEWS.length]!)
    case '1':
    case '2':
    case '3':
      return shown(view, VIEWS[Number(key) - 1]!)
    case 's':
      return { ...view, sort: (view.sort + 1) % columns, selected: 0 }
    case 'p':
    case ' ':
      return { ...view, paused: !view.paused }
    case '?':
    case 'h':
      return { ...view, help: !view.help }
    case '\u001b':
      return { ...view, help: false }
    default:
      return view
  }
}

const shown = (view: View, name: ViewName): View => ({ ...view, name, selected: 0, sort: 0, help: false })
