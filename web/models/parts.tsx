/** What both the list of models and one model show. */

import { Badge, type Tone } from '../parts/basics.tsx'
import { useWords } from '../words/index.ts'

type State = 'cold' | 'loading' | 'ready' | 'draining' | 'asleep'
const TONES: Readonly<Record<State, Tone>> = {
  cold: 'plain',
  loading: 'info',
  ready: 'good',
  draining: 'warn',
  asleep: 'plain'
}

export const ModelState = ({ state }: { readonly state: State }) => (
  <Badge tone={TONES[state]}>{useWords().models.states[state]}</Badge>
)

/** A task in words, or by its name where this version knows no words for it. */
export function useTaskName(): (task: string) => string {
  const { tasks } = useWords().models
  return task => (Object.hasOwn(tasks, task) ? tasks[task as keyof typeof tasks] : task)
}
