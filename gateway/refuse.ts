/** Refusals of requests that reach no route, in the form of the protocol that they speak. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../interface/clock.ts'
import type { LumosError } from '../interface/errors.ts'
import { isAnthropic, isKserve, isLmStudio, isOllamaPath, isOpenai } from './access.ts'
import { refusal as anthropicRefusal } from './anthropic/errors.ts'
import { failureBody, failureHead, newCall } from './envelope.ts'
import { kserveRefusal } from './kserve/errors.ts'
import { ollamaRefusal } from './ollama/errors.ts'
import { refusal as openaiRefusal } from './openai/errors.ts'
import { dropUnreadBody } from './unread-body.ts'

export function refuse(outgoing: ServerResponse, refused: LumosError, clock: Clock): void {
  const { req } = outgoing
  const call = newCall(clock, req)
  dropUnreadBody(outgoing, clock)
  const refusal = refusalFor(req)
  if (refusal !== undefined) {
    const { status, headers, body } = refusal(refused, call)
    outgoing.writeHead(status, Object.fromEntries(headers)).end(body)
    return
  }
  const { error, status, headers } = failureHead(refused, call)
  outgoing.writeHead(status, Object.fromEntries(headers)).end(failureBody(error, call, clock.monotonicMs()))
}

function refusalFor(incoming: IncomingMessage) {
  if (isAnthropic(incoming)) return anthropicRefusal
  if (isOpenai(incoming) || isLmStudio(incoming)) return openaiRefusal
  if (isKserve(incoming)) return kserveRefusal
  return isOllamaPath(incoming.url ?? '') ? ollamaRefusal : undefined
}
