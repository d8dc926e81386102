/** A conversation in the form that chat templates read: the same for every engine that renders one. */

import type { TaskParams } from '../../../interface/tasks/index.ts'
import type { Message } from '../../../interface/tasks/messages.ts'
import { asText } from './tool-calls.ts'

type Tool = NonNullable<TaskParams<'text-generation'>['tools']>[number]

/** @param template its source: one that names no `tool_calls` gets calls as text. */
export function templateMessage(message: Message, template: string): object {
  const content = textOf(message)
  switch (message.role) {
    case 'system':
    case 'developer':
      return { role: 'system', content }
    case 'user':
      return { role: 'user', content, ...(message.name !== undefined && { name: message.name }) }
    case 'tool':
      return { role: 'tool', content, tool_call_id: message.call, name: message.name ?? '' }
  }
  const { calls = [], reasoning } = message
  const thought = reasoning !== undefined && { reasoning_content: reasoning }
  if (calls.length === 0) return { role: 'assistant', content, ...thought }
  // A template without a form for calls was trained on their text.
  if (!template.includes('tool_calls'))
    return { role: 'assistant', content: content + calls.map(asText).join('\n'), ...thought }
  return {
    ...{ role: 'assistant', content, ...thought },
    tool_calls: calls.map(({ id, name, arguments: json }) => ({
      ...{ id, type: 'function' },
      function: { name, arguments: parsed(json) }
    }))
  }
}

/** The order of the fields counts: templates write them as JSON, in the order in which models were trained on them. */
export const templateTool = ({ name, description, parameters }: Tool): object => ({
  type: 'function',
  function: {
    ...{ name, description: description ?? '' },
    parameters: parameters ?? { type: 'object', properties: {} }
  }
})

/** The texts of a message, which holds nothing else. */
function textOf({ content }: Message): string {
  if (typeof content === 'string') return content
  return (content ?? []).map(part => (part.type === 'text' ? part.text : '')).join('')
}

/** Templates write the arguments themselves. What is no JSON stays as it is. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return json
  }
}
