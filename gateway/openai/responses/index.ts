/** `/v1/responses`: answers in items, which a later request may go on from, and a client may come back to. */

import { type Context, Hono } from 'hono'
import { requestIdOf } from '../../../interface/answers.ts'
import { textGeneration } from '../../../interface/tasks/text-generation.ts'
import type { UnitContext } from '../../../interface/units.ts'
import type { AppEnv } from '../../app-env.ts'
import {
  type AskComponents,
  answerStream,
  answerWhole,
  LARGE_BODY_BYTES_MAX,
  readBody,
  unitContext,
  unkept
} from '../../asking/call.ts'
import { listModels, modelNotFound, rightModel } from '../../asking/model-name.ts'
import { type Piece, streamAll } from '../../asking/pieces.ts'
import { RefusedError } from '../../asking/refused.ts'
import { Body, inputFor } from './body.ts'
import { begun, completed, Events, headOf } from './events.ts'
import type { UnitMessage } from './input.ts'
import { keptResponse, NOT_FOUND, noteOf, outputOf, responseId, shown } from './kept.ts'
import { ResponseOutput } from './output.ts'

const UNIT = 'inference.chat'

type Routed = Context<AppEnv>

export function responseRoutes(components: AskComponents): Hono<AppEnv> {
  const { units } = components
  const routes = new Hono<AppEnv>()

  routes.post('/', c => made(components, c))
  routes.get('/:id', async c => {
    const context = readContext(c)
    const kept = await keptResponse(units, c.req.param('id'), context)
    if (c.req.query('stream') !== 'true')
      return answerWhole(c, shown(kept, await outputOf(units, kept, context)))
    const output = new ResponseOutput(requestIdOf(kept.answerId))
    const events = new Events(kept.head, output, numberOf(c.req.query('starting_after')))
    const calls = { unit: 'inference.attach', inputs: [{ id: kept.answerId }], context }
    const pieces = events.of(piecesOf(streamAll(units, calls)), () => completed(kept.head, output))
    return answerStream(c, components, pieces, thrown => events.failed(thrown))
  })

  routes.post('/:id/cancel', async c => {
    const context = readContext(c)
    const kept = await keptResponse(units, c.req.param('id'), context)
    await units.execute('inference.cancel', { id: kept.answerId }, context)
    const now = await keptResponse(units, c.req.param('id'), context)
    return answerWhole(c, shown(now, await outputOf(units, now, context)))
  })

  routes.delete('/:id', async c => {
    const context = readContext(c)
    const { answerId } = await keptResponse(units, c.req.param('id'), context)
    await units.execute('inference.forget', { id: answerId }, context)
    return answerWhole(c, { id: responseId(answerId), object: 'response', deleted: true })
  })
  return routes
}

async function made(components: AskComponents, c: Routed): Promise<Response> {
  const { units, clock } = components
  const body = await readBody(c, components, Body, LARGE_BODY_BYTES_MAX)
  const messages = [...(await earlier(components, c, body)), ...body.input]
  if (messages.length === 0)
    throw new RefusedError("Missing required parameter: 'input'.", {
      ...{ param: 'input', reason: 'missing_required_parameter' }
    })
  if (body.background && body.store === false)
    throw new RefusedError("'background' needs 'store' to be true.", {
      param: 'background',
      reason: 'invalid_value'
    })
  const { requestId, answerId } = c.var.call
  const { promise: kept, resolve: onKept } = Promise.withResolvers<void>()
  const createdAt = Math.floor(clock.wallMs() / 1000)
  const head = { ...headOf(body), id: responseId(answerId), created_at: createdAt }
  // Instructions hold for one response alone.
  const instructions = body.instructions === undefined ? [] : [{ role: 'system', content: body.instructions }]
  const calls = {
    unit: UNIT,
    inputs: [inputFor(body, [...instructions, ...messages])],
    context: keptAs(unitContext(c, UNIT), body, noteOf(head, messages), onKept)
  }
  const output = new ResponseOutput(requestId)
  const pieces = piecesOf(streamAll(units, calls))

  return rightModel(components, c, { model: body.model, task: textGeneration.name }, async () => {
    if (body.stream) {
      const events = new Events(head, output)
      const whole = () => completed(head, output)
      return answerStream(c, components, events.of(pieces, whole), thrown => events.failed(thrown))
    }
    if (body.background) {
      const models = await listModels(components, c)
      if (models.every(({ id }) => id !== body.model)) throw modelNotFound(body.model, models)
      // It goes on without a reader, and how it fails is kept with it. What is not kept fails here.
      const first = pieces.next()
      void first.then(
        () => pieces.return(),
        () => {}
      )
      await Promise.race([kept, first])
      return answerWhole(c, begun(head))
    }
    for await (const piece of pieces) output.add(piece)
    return answerWhole(c, completed(head, output))
  })
}

/** What reads a kept answer makes none of its own. */
const readContext = (c: Routed): UnitContext => ({ ...unitContext(c, 'inference.attach'), answer: undefined })

function keptAs(
  context: UnitContext,
  { store, background = false }: Body,
  note: unknown,
  onKept: () => void
): UnitContext {
  const { answer } = context
  if (store === false) return unkept(context)
  if (answer === undefined) return context
  return {
    ...context,
    answer: {
      ...{ id: answer.id, durable: answer.durable || background, note },
      onKept() {
        answer.onKept()
        onKept()
      }
    }
  }
}

async function earlier(
  { units }: AskComponents,
  c: Routed,
  { previous_response_id: id }: Body
): Promise<readonly UnitMessage[]> {
  if (id === undefined) return []
  const missing = { param: 'previous_response_id', reason: 'previous_response_not_found', status: 400 }
  const context = readContext(c)
  const kept = await keptResponse(units, id, context, missing)
  return [...kept.messages, (await outputOf(units, kept, context)).message()]
}

/** Of the last event that the client has. */
function numberOf(text: string | undefined): number {
  if (text === undefined) return -1
  if (/^\d{1,10}$/.test(text)) return Number(text)
  throw new RefusedError("Invalid 'starting_after': expected the number of an event.", {
    ...NOT_FOUND,
    ...{ param: 'starting_after', reason: 'invalid_value', status: 400 }
  })
}

async function* piecesOf(stream: ReturnType<typeof streamAll>): AsyncGenerator<Piece, void, undefined> {
  for await (const { piece } of stream) yield piece
}
