/** The words that both screens show when no third device is between them. */

import { Text } from '../parts/text.tsx'

export const Phrase = ({ of }: { readonly of: string }) => (
  <p class="phrase">
    <Text of={of} />
  </p>
)
