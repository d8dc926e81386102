/** A long list of rows of one height: only those in sight are drawn. */

import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'

/** Above and below what is in sight, so that scrolling shows no gaps. */
const SPARE = 8
/** Until a row was measured. */
const HEIGHT = 44

export interface WindowColumn<T> {
  readonly key: string
  readonly title: string
  cell(row: T): ComponentChildren
  readonly align?: 'end'
}

export function WindowedTable<T>({
  label,
  columns,
  rows,
  keyOf,
  onOpen
}: {
  label: string
  columns: readonly WindowColumn<T>[]
  rows: readonly T[]
  keyOf(row: T): string
  onOpen(row: T): void
}) {
  const frame = useRef<HTMLElement>(null)
  const [{ top, seen }, setView] = useState({ top: 0, seen: 20 * HEIGHT })
  const [height, setHeight] = useState(HEIGHT)
  const look = () => {
    const { scrollTop: top, clientHeight: seen } = frame.current!
    setView(before => (before.top === top && before.seen === seen ? before : { top, seen }))
  }
  useLayoutEffect(() => {
    look()
    const row = frame.current?.querySelector<HTMLElement>('.log-row')
    if (row && row.offsetHeight !== height) setHeight(row.offsetHeight)
  })
  useLayoutEffect(() => {
    addEventListener('resize', look)
    return () => removeEventListener('resize', look)
  }, [])
  useAnchor(frame, rows, keyOf, height)

  const from = Math.max(0, Math.floor(top / height) - SPARE)
  const to = Math.min(rows.length, Math.ceil((top + seen) / height) + SPARE)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keys
    <section class="request-log" aria-label={label} tabIndex={0} ref={frame} onScroll={look}>
      <table aria-label={label} aria-rowcount={rows.length + 1}>
        <thead>
          <tr class="log-cells" aria-rowindex={1}>
            {columns.map(({ key, title, align }) => (
              <th key={key} scope="col" class={`log-${key} ${align ?? ''}`}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody
          style={{ paddingTop: `${from * height}px`, paddingBottom: `${(rows.length - to) * height}px` }}
        >
          {rows.slice(from, to).map((row, index) => (
            <tr
              class="log-row log-cells"
              aria-rowindex={from + index + 2}
              key={keyOf(row)}
              onClick={() => onOpen(row)}
            >
              {columns.map(({ key, cell, align }) => (
                <td key={key} class={`log-${key} ${align ?? ''}`}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

/** Rows that come on top do not move what one is reading. */
function useAnchor<T>(
  frame: { readonly current: HTMLElement | null },
  rows: readonly T[],
  keyOf: (row: T) => string,
  height: number
): void {
  const first = useRef<string | undefined>(undefined)
  useLayoutEffect(() => {
    const before = first.current
    first.current = rows[0] && keyOf(rows[0])
    const { current } = frame
    if (before === undefined || current === null || current.scrollTop < height) return
    const moved = rows.findIndex(row => keyOf(row) === before)
    if (moved > 0) current.scrollTop += moved * height
  }, [rows])
}
