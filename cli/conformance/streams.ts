/** Streams of both kinds, taken apart. */

import { type Json, need, parsed, told } from './check.ts'
import type { Answer } from './server.ts'

export interface ServerSentEvent {
  readonly event: string | undefined
  readonly data: string
}

/** @throws {Broken} unless it is a stream of events. */
export function eventsOf(answer: Answer): ServerSentEvent[] {
  needStream(answer, 'text/event-stream')
  const blocks = answer.text.replace(/\r\n?/g, '\n').split('\n\n')
  return blocks.flatMap(block => {
    const lines = block.split('\n')
    const of = (field: string) =>
      lines
        .filter(line => line.startsWith(`${field}:`))
        .map(line => line.slice(field.length + 1).replace(/^ /, ''))
    const data = of('data')
    return data.length === 0 ? [] : [{ event: of('event')[0], data: data.join('\n') }]
  })
}

/** @throws {Broken} unless each line is an object. */
export function linesOf(answer: Answer): Json[] {
  needStream(answer, 'application/x-ndjson')
  const lines = answer.text.split('\n').filter(line => line.trim() !== '')
  need(lines.length > 0, 'the stream is empty')
  return lines.map(line => parsed(line, 'a line of the stream'))
}

function needStream({ status, headers, text }: Answer, type: string): void {
  need(status === 200, `the status of the stream is ${status}, not 200: ${told(text)}`)
  const given = headers.get('content-type')
  need(given?.startsWith(type), `the content type of the stream is ${told(given)}, not ${type}`)
}
