/** `POST /v1/messages` */

import type { Context } from 'hono'
import { textGeneration } from '../../interface/tasks/text-generation.ts'
import type { AppEnv } from '../app-env.ts'
import {
  type AskComponents,
  answerStream,
  answerWhole,
  LARGE_BODY_BYTES_MAX,
  readBody,
  unitContext
} from '../asking/call.ts'
import { rightModel } from '../asking/model-name.ts'
import type { Piece } from '../asking/pieces.ts'
import { namedEvent, progressComment } from '../asking/stream.ts'
import { Body, inputOf, wantsThinking } from './body.ts'
import { errorOf } from './errors.ts'
import { type MessageEvent, MessageOutput } from './output.ts'
import { piecesInRoom } from './room.ts'

const UNIT = 'inference.chat'
/** What clients of Anthropic know as a sign of life. */
const PING = namedEvent('ping', { type: 'ping' })

export const messagesRoute = (components: AskComponents) => async (c: Context<AppEnv>) => {
  const body = await readBody(c, components, Body, LARGE_BODY_BYTES_MAX)
  const { model } = body
  const { call } = c.var
  const output = new MessageOutput({ requestId: call.requestId, model, thinking: wantsThinking(body) })
  const pieces = piecesInRoom(components.units, {
    ...{ unit: UNIT, input: inputOf(body), context: unitContext(c, UNIT) },
    onUnkept: () => {
      call.kept = false
    }
  })

  return rightModel(components, c, { model, task: textGeneration.name }, async () => {
    if (body.stream) {
      const failed = (thrown: unknown) => namedEvent('error', errorOf(thrown, call).body)
      return answerStream(c, components, eventsOf(pieces, output), failed, { beat: () => PING })
    }
    for await (const piece of pieces) output.add(piece)
    return answerWhole(c, output.message())
  })
}

async function* eventsOf(
  pieces: AsyncIterable<Piece>,
  output: MessageOutput
): AsyncGenerator<string, void, undefined> {
  for await (const piece of pieces) {
    const text = piece.type === 'progress' ? progressComment(piece) : output.add(piece).map(textOf).join('')
    if (text !== '') yield text
  }
}

const textOf = (event: MessageEvent): string => namedEvent(event.type, event)
