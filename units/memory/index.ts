/** The memory of agents, for programs and people. */

import { documentUnits } from './documents.ts'
import { knowledgeUnits } from './knowledge.ts'
import { searchUnits } from './search.ts'
import type { MemoryNode } from './shapes.ts'
import { spaceUnits } from './spaces.ts'
import { writeUnit } from './write.ts'

export const memoryUnits = (node: MemoryNode) => [
  ...spaceUnits(node),
  ...documentUnits(node),
  writeUnit(node),
  ...searchUnits(node),
  ...knowledgeUnits(node)
]
