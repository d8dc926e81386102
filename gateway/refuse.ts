/** Refusals of requests that reach no route, in the form of the protocol that they speak. */

import type { ServerResponse } from 'node:http'
import type { Clock } from '../interface/clock.ts'
import type { LumosError } from '../interface/errors.ts'
import { isOllamaPath, isOpenai } from './access.ts'
import { failureBody, failureHead, newCall } from './envelope.ts'
import { ollamaRefusal } from './ollama/errors.ts'
import { refusal } from './openai/errors.ts'
import { dropUnreadBody } from './unread-body.ts'

export function refuse(outgoing: ServerResponse, refused: LumosError, clock: Clock): void {
  const { req } = outgoing
  const call = newCall(clock, req)
  dropUnreadBody(outgoing, clock)
  if (isOpenai(req) || isOllamaPath(req.url ?? '')) {
    const { status, headers, body } = (isOpenai(req) ? refusal : ollamaRefusal)(refused, call)
    outgoing.writeHead(status, Object.fromEntries(headers)).end(body)
    return
  }
  const { error, status, headers } = failureHead(refused, call)
  outgoing.writeHead(status, Object.fromEntries(headers)).end(failureBody(error, call, clock.monotonicMs()))
}
