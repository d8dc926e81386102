/** What was found, with how certain it is. */

import { percent } from '../format.ts'
import { Bar } from '../parts/basics.tsx'
import { plain, Text } from '../parts/text.tsx'

export function Scores({
  items,
  none
}: {
  items: readonly { readonly label: string; readonly score: number }[]
  /** Said where nothing was found. */
  none?: string
}) {
  if (items.length === 0) return <p>{none ?? '–'}</p>
  return (
    <ol class="scores">
      {items.map(({ label, score }, index) => (
        <li key={index}>
          <span class="score-label">
            <Text of={label} />
          </span>
          <Bar share={score} label={plain(label)} />
          <span class="score">{percent(score)}</span>
        </li>
      ))}
    </ol>
  )
}
