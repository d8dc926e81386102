/** What happens on this node, and its long work. */

import '../events/events.css'
import type { ScreenProps } from '../app.tsx'
import { Jobs } from '../events/jobs.tsx'
import { Stream } from '../events/stream.tsx'
import { Screen } from '../parts/basics.tsx'
import { linkTo } from '../router.ts'
import { useWords } from '../words/index.ts'

/** `#/events/jobs` and `#/events/jobs/JOB`; `#/events/of/ID` has those of one request or job. */
export function Events({ place }: ScreenProps) {
  const w = useWords()
  const [tab, id] = place.rest
  const jobs = tab === 'jobs'
  return (
    <Screen
      title={w.screens.events}
      actions={
        <nav class="event-tabs" aria-label={w.events.views}>
          <a href={linkTo('events')} aria-current={jobs ? undefined : 'page'}>
            {w.screens.events}
          </a>
          <a href={linkTo('events', 'jobs')} aria-current={jobs ? 'page' : undefined}>
            {w.events.jobs}
          </a>
        </nav>
      }
    >
      {jobs ? <Jobs shown={id} /> : <Stream of={tab === 'of' ? id : undefined} key={id} />}
    </Screen>
  )
}
