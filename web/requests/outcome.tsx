import { Badge } from '../parts/basics.tsx'
import { Text } from '../parts/text.tsx'
import { useWords } from '../words/index.ts'

/** How a request, or one try of it, ended. */
export function Outcome({ of }: { of: string | null }) {
  const w = useWords().requests
  if (of === null) return <Badge tone="info">{w.states.running}</Badge>
  if (of === 'answered') return <Badge tone="good">{w.states.answered}</Badge>
  return (
    <Badge tone={of === 'CANCELLED' ? 'plain' : 'bad'}>
      <Text of={of} />
    </Badge>
  )
}
