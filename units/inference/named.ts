/** Tasks under the short names by which programs of this kind know them: each unit is a row. */

import type { LumosNode } from '../../interface/node.ts'
import { namedUnit } from './named-unit.ts'
import { PICTURE_ROWS } from './pictures.ts'
import { SPEECH_ROWS } from './speech.ts'
import { TRANSLATE } from './text.ts'
import { RERANK } from './vectors.ts'

export const namedUnits = (node: LumosNode) =>
  [...PICTURE_ROWS, ...SPEECH_ROWS, RERANK, TRANSLATE].map(row => namedUnit(node, row))
