/**
 * Everything that reads bytes of others. To have one more reader tried, add it
 * to one of these: the tests and `npm run fuzz` take the tables as they are.
 */

import type { Target } from './target.ts'
import { HOST_TARGETS } from './targets/host.ts'
import { MEMORY_TARGETS } from './targets/memory.ts'
import { MEMORY_SYNC_TARGETS } from './targets/memory-sync.ts'
import { MODEL_SERVER_TARGETS } from './targets/model-servers.ts'
import { OPENAI_TARGETS } from './targets/openai.ts'
import { ORIGIN_TARGETS } from './targets/origins.ts'
import { PEER_TARGETS } from './targets/peers.ts'
import { QUANTIZE_TARGETS } from './targets/quantize.ts'
import { TRANSPORT_TARGETS } from './targets/transport.ts'
import { WEIGHT_TARGETS } from './targets/weights.ts'

export const TARGETS: readonly Target[] = [
  ...PEER_TARGETS,
  ...TRANSPORT_TARGETS,
  ...WEIGHT_TARGETS,
  ...ORIGIN_TARGETS,
  ...HOST_TARGETS,
  ...MEMORY_SYNC_TARGETS,
  ...OPENAI_TARGETS,
  ...MODEL_SERVER_TARGETS,
  ...MEMORY_TARGETS,
  ...QUANTIZE_TARGETS
]
