/** A sentence of the node, which speaks English: what its code means in the language of the page, then its own words. */

import { useWords, type Words } from '../words/index.ts'
import { Text } from './text.tsx'

export function Sentence({
  own,
  code,
  kind = 'codes'
}: {
  readonly own: string
  /** Of an error; of a finding its check and its state. */
  readonly code: string | undefined
  readonly kind?: keyof Words['sentences']
}) {
  const { [kind]: sentences } = useWords().sentences
  const said = code === undefined ? undefined : sentences[code]
  if (said === undefined) return <Text of={own} />
  return (
    <>
      {said}{' '}
      <span lang="en" class="dim">
        <Text of={own} />
      </span>
    </>
  )
}
