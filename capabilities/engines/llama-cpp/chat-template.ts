/** A conversation as the text that the model was trained on: its own template writes it. */

import { runInNewContext } from 'node:vm'
import { EngineFailedError, InvalidInputError, LumosError } from '../../../interface/errors.ts'
import type { TaskParams } from '../../../interface/tasks/index.ts'
import type { Message } from '../../../interface/tasks/messages.ts'
import type { ControlText } from '../text/control-text.ts'
import { templateMessage, templateTool } from '../text/template-messages.ts'
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
      const values = {
        messages: control.parted(messages).map(message => templateMessage(message, this.#source)),
        ...(tools.length > 0 && { tools: control.parted(tools).map(templateTool) }),
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
}

const TIMED_OUT = 'ERR_SCRIPT_EXECUTION_TIMEOUT'

/** The only way to end a loop of a template: the machine stops what was called from a script with a limit. */
const bounded = <T>(work: () => T): T => runInNewContext('work()', { work }, { timeout: RENDER_MS_MAX })

function notUsable(err: unknown): LumosError {
  const { code, message } = err as NodeJS.ErrnoException
  const what =
    code === TIMED_OUT ? `does not come to an end in ${RENDER_MS_MAX} ms` : `is not usable: ${message}`
  return new LumosError('MODEL_INVALID', `The chat template of the model ${what}.`, { cause: err })
}
