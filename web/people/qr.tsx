/** Text as a QR code, dark on light in both themes, as cameras expect it. */

import { encode } from 'uqr'

/** Readers need a frame. */
const BORDER = 3

export function Qr({ of, label }: { readonly of: string; readonly label: string }) {
  const { data, size } = encode(of, { border: BORDER })
  return (
    <svg
      class="qr"
      viewBox={`0 0 ${size} ${size}`}
      role="img"
      aria-label={label}
      shape-rendering="crispEdges"
    >
      <path d={data.map(pathOf).join('')} />
    </svg>
  )
}

/** A line for each run of dark squares of a row. */
function pathOf(row: readonly boolean[], y: number): string {
  let path = ''
  for (let x = 0; x < row.length; x++) {
    if (!row[x]) continue
    const from = x
    while (row[x + 1]) x++
    const length = x - from + 1
    path += `M${from} ${y}h${length}v1h-${length}z`
  }
  return path
}
