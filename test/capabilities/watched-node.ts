/** As `busy-node.ts`, with an engine that only its own thread ends. */

import { WATCH_NODE } from '../../capabilities/host/engine-messages.ts'
import { bareEngine } from './bare-engine.ts'
import { textRequest } from './parts.ts'

const { child, channel } = bareEngine(({ type }) => {
  if (type === 'loaded') channel.send({ type: 'infer', call: 1, request: textRequest('begin 60000') })
  if (type === 'chunks') process.stdout.write(`${child.pid}\n`)
}, WATCH_NODE)
