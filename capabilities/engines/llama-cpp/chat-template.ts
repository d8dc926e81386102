/** A conversation as the text that the model was trained on: its own template writes it. */

import { runInNewContext } from 'node:vm'
import { EngineFailedError, InvalidInputError, LumosError } from '../../../interface/errors.ts'
import type { TaskParams } from '../../../interface/tasks/index.ts'
import type { Message } from '../../../interface/tasks/messages.ts'
import type { ControlText } from '../text/control-text.ts'
import { asText } from '../text/tool-calls.ts'
import type { Jinja } from './library.ts'

/** A template that is honest takes a few milliseconds. */
const RENDER_MS_MAX = 2000
/** More than any context holds. */
const RENDERED_CHARS_MAX = 64 * 1024 * 1024

export interface TemplateValues {
  readonly bos: string
  readonly eos: string
  readonly control: ControlText
}

export class ChatTemplate {
  readonly #source: string
  readonly #template: { render(values: Record<string, unknown>): string }
  readonly #values: TemplateValues

  /** @throws {LumosError} `MODEL_INVALID` for a template that cannot be read, or does not come to an end. */
  constructor({ Template }: Jinja, source: string, values: TemplateValues) {
    this.#source = source
    this.#values = values
    try {
      this.#template = bounded(() => new Template(source))
    } catch (err) {
      throw notUsable(err)
    }
    this.#check()
  }

  /** A conversation of one word must be possible: what a model cannot do is said when it is loaded. */
  #check(): void {
    try {
      this.render([{ role: 'user', content: 'Hi' }], {})
    } catch (err) {
      throw notUsable(err)
    }
  }

  /**
   * @returns a prompt that is tokenized by its pieces (`piecesOf`).
   * @throws {InvalidInputError} with what the template says of a conversation that it does not take.
   */
  render(messages: readonly Message[], { tools = [] }: Partial<TaskParams<'text-generation'>>): string {
    const { control, bos, eos } = this.#values
    let text: string
    try {
      const shown = tools.map(tool => ({
        type: 'function',
        function: { parameters: NO_PARAMETERS, ...tool }
      }))
      const values = {
        messages: control.parted(messages).map(message => this.#messageOf(message)),
        ...(tools.length > 0 && { tools: control.parted(shown) }),
        ...{ add_generation_prompt: true, bos_token: bos, eos_token: eos }
      }
      text = bounded(() => this.#template.render(values))
    } catch (err) {
      if (err instanceof LumosError) throw err
      if ((err as NodeJS.ErrnoException).code === TIMED_OUT) throw notUsable(err)
      throw new InvalidInputError(
        `The template of the model refuses the conversation: ${(err as Error).message}.`
      )
    }
    if (text.length > RENDERED_CHARS_MAX)
      throw new EngineFailedError('The template of the model writes too much.')
    return text
  }

  #messageOf(message: Message): Record<string, unknown> {
    const content = textOf(message)
    switch (message.role) {
      case 'developer':
        return { role: 'system', content }
      case 'tool':
        return { role: 'tool', content, name: message.name, tool_call_id: message.call }
      case 'assistant':
        return this.#assistantOf(content, message)
      default:
        return { role: message.role, content }
    }
  }

  #assistantOf(content: string, { calls = [], reasoning }: Extract<Message, { role: 'assistant' }>) {
    const thoughts = reasoning === undefined ? {} : { reasoning_content: reasoning }
    if (calls.length === 0) return { role: 'assistant', content, ...thoughts }
    if (!this.#source.includes('tool_calls')) {
      // It knows nothing of calls, so they are what the model wrote.
      return { role: 'assistant', content: content + calls.map(asText).join('\n'), ...thoughts }
    }
    const toolCalls = calls.map(({ id, name, arguments: words }) => ({
      id,
      type: 'function',
      function: { name, arguments: parsed(words) }
    }))
    return { role: 'assistant', content, tool_calls: toolCalls, ...thoughts }
  }
}

/** Its parts joined; the schema library stays out of this process. */
const textOf = ({ content }: Message): string =>
  typeof content === 'string'
    ? content
    : (content ?? []).map(part => (part.type === 'text' ? part.text : '')).join('')

const NO_PARAMETERS = { type: 'object', properties: {} }
const TIMED_OUT = 'ERR_SCRIPT_EXECUTION_TIMEOUT'

/** The only way to end a loop of a template: the machine stops what was called from a script with a limit. */
const bounded = <T>(work: () => T): T => runInNewContext('work()', { work }, { timeout: RENDER_MS_MAX })

/** Templates write arguments themselves. */
function parsed(words: string): unknown {
  try {
    return JSON.parse(words)
  } catch {
    return words
  }
}

function notUsable(err: unknown): LumosError {
  const { code, message } = err as NodeJS.ErrnoException
  const what =
    code === TIMED_OUT ? `does not come to an end in ${RENDER_MS_MAX} ms` : `is not usable: ${message}`
  return new LumosError('MODEL_INVALID', `The chat template of the model ${what}.`, { cause: err })
}
