/** The provider of `serve`: a node with an engine that says a word every few milliseconds. */

import { echoModel } from '../capabilities/index.ts'
import { systemClock } from '../interface/clock.ts'
import { announce } from './harness.ts'
import { startNode } from './nodes.ts'
import { PACE_MS, PACED } from './paced.ts'

const node = await startNode({}, [echoModel({ clock: systemClock, wordDelayMs: PACE_MS }, PACED)])

announce(node.mesh.invite().code)
