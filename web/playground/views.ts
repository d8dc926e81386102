/** The tasks of the playground, in the order of its tabs. Chat has a screen of its own. */

import type { ComponentType } from 'preact'
import type { ViewProps } from './asking.tsx'
import { Classify, Describe, Detect, Faces, OwnLabels, ReadText } from './pictures.tsx'
import { SameFace } from './same-face.tsx'
import { FindSpeech, Recognise, Speak } from './sounds.tsx'
import { Compare, Paint, Rank, Translate } from './texts.tsx'

interface View {
  /** As a model states it. */
  readonly task: string
  readonly Show: ComponentType<ViewProps>
}

/** By their names in the address. */
export const VIEWS = {
  classify: { task: 'image-classification', Show: Classify },
  labels: { task: 'zero-shot-image-classification', Show: OwnLabels },
  detect: { task: 'object-detection', Show: Detect },
  read: { task: 'text-recognition', Show: ReadText },
  describe: { task: 'image-to-text', Show: Describe },
  faces: { task: 'face-detection', Show: Faces },
  same: { task: 'face-verification', Show: SameFace },
  speak: { task: 'text-to-speech', Show: Speak },
  recognise: { task: 'automatic-speech-recognition', Show: Recognise },
  speech: { task: 'voice-activity-detection', Show: FindSpeech },
  compare: { task: 'feature-extraction', Show: Compare },
  rank: { task: 'text-ranking', Show: Rank },
  translate: { task: 'translation', Show: Translate },
  paint: { task: 'text-to-image', Show: Paint }
} as const satisfies Readonly<Record<string, View>>

export type ViewName = keyof typeof VIEWS
