/** Whether two pictures show one person. */

import { useState } from 'preact/hooks'
import { useDescribed } from '../described.ts'
import { number } from '../format.ts'
import { Badge, Field, Stat } from '../parts/basics.tsx'
import { useStore } from '../state.ts'
import { useWords } from '../words/index.ts'
import { Answered, Ask, useAsk, type ViewProps } from './asking.tsx'
import { chosen } from './picture.ts'
import { PictureField } from './picture-field.tsx'

export function SameFace({ model }: ViewProps) {
  const w = useWords().playground
  const asking = useAsk('inference.verify_faces')
  const { picture, other } = useStore(chosen)
  const [chosenMin, setChosenMin] = useState<number>()
  const usual = useDescribed()?.get('inference.verify_faces')?.input.properties?.threshold?.default
  const threshold = chosenMin ?? (typeof usual === 'number' ? usual : undefined)
  const ask = () =>
    picture &&
    other &&
    asking.ask({
      images: [picture.data, other.data],
      ...(threshold !== undefined && { threshold }),
      ...(model && { model })
    })
  // Of other pictures, the verdict would lie.
  const [one, two] = asking.answer?.input.images ?? []
  const answer = one === picture?.data && two === other?.data ? asking.answer : undefined
  return (
    <div class="play">
      <div class="play-input">
        <div class="pair">
          <PictureField />
          <PictureField which="other" />
        </div>
        {threshold !== undefined && (
          <Field label={w.sameFrom(number(threshold, 2))}>
            {id => (
              <input
                {...{ id, type: 'range', min: 0, max: 1, step: 0.05, value: threshold }}
                onInput={event => setChosenMin(event.currentTarget.valueAsNumber)}
              />
            )}
          </Field>
        )}
        <Ask asking={asking} ready={picture !== undefined && other !== undefined} onAsk={ask} />
      </div>
      <Answered
        asking={{ ...asking, answer }}
        files={{ images: [picture?.name ?? 'one.png', other?.name ?? 'other.png'] }}
      >
        {({ same, similarity }) => (
          <>
            <Badge tone={same ? 'good' : 'warn'}>{same ? w.samePerson : w.otherPerson}</Badge>
            <Stat label={w.faceSimilarity} value={number(similarity, 3)} note={w.faceSimilarityMeans} />
          </>
        )}
      </Answered>
    </div>
  )
}
