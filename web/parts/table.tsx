/** Rows in columns; on a narrow screen each row is a card. Of many rows, those in sight are drawn. */

import type { ComponentChildren } from 'preact'
import { useMemo, useRef, useState } from 'preact/hooks'
import { useWords } from '../words/index.ts'

export interface Column<T> {
  readonly key: string
  readonly title: string
  cell(row: T): ComponentChildren
  /** By what its rows are ordered, where a person can order by it. */
  sortBy?(row: T): string | number
  readonly align?: 'end'
}

/** A screen and a half: more are drawn when the person asks for them. */
const ROWS_FIRST = 100

export function Table<T>({
  label,
  columns,
  rows,
  keyOf,
  order,
  onOpen
}: {
  label: string
  columns: readonly Column<T>[]
  rows: readonly T[]
  keyOf(row: T): string
  /** The column that rows are ordered by at first; `-` before it means downwards. */
  order?: string
  onOpen?(row: T): void
}) {
  const w = useWords()
  const [by, setBy] = useState(order)
  const [shown, setShown] = useState(ROWS_FIRST)
  const body = useRef<HTMLTableSectionElement>(null)

  const sorted = useMemo(() => {
    const column = columns.find(({ key }) => key === by?.replace('-', ''))
    if (column?.sortBy === undefined) return rows
    const sign = by!.startsWith('-') ? -1 : 1
    return rows.toSorted((a, b) => {
      const [x, y] = [column.sortBy!(a), column.sortBy!(b)]
      return (
        sign * (typeof x === 'number' && typeof y === 'number' ? x - y : String(x).localeCompare(String(y)))
      )
    })
  }, [rows, by, columns])

  return (
    <div class="table-frame">
      <table aria-label={label}>
        <thead>
          <tr>
            {columns.map(({ key, title, sortBy, align }) => {
              const sorted = by === key ? 'ascending' : by === `-${key}` ? 'descending' : undefined
              return (
                <th key={key} scope="col" class={align} aria-sort={sortBy && (sorted ?? 'none')}>
                  {sortBy ? (
                    <button type="button" class="sort" onClick={() => setBy(by === key ? `-${key}` : key)}>
                      {title}
                      <span aria-hidden="true">{sorted === 'ascending' ? ' ↑' : sorted ? ' ↓' : ''}</span>
                    </button>
                  ) : (
                    title
                  )}
                </th>
              )
            })}
          </tr>
        </thead>
        <tbody ref={body}>
          {sorted.slice(0, shown).map(row => (
            <tr key={keyOf(row)} class={onOpen && 'opens'} onClick={onOpen && (() => onOpen(row))}>
              {columns.map(({ key, title, cell, align }) => (
                <td key={key} class={align} data-title={title}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {sorted.length > shown && (
        <button type="button" class="button quiet more" onClick={() => setShown(shown + 10 * ROWS_FIRST)}>
          {w.common.more(sorted.length - shown)}
        </button>
      )}
    </div>
  )
}
