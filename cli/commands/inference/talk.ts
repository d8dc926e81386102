/** A conversation at the terminal. Prompts and words about the conversation go to stderr, answers to stdout. */

import { writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { LumosError, toLumosError } from '../../../interface/errors.ts'
import { closestNames } from '../../../interface/suggest.ts'
import { textGeneration } from '../../../interface/tasks/text-generation.ts'
import { fromTilde } from '../../../storage/home/home-path.ts'
import { type Output, printable } from '../../output.ts'
import type { Conversation } from './conversation.ts'
import { type ListedModel, writers } from './listed.ts'
import { printPieces } from './pieces.ts'

const HELP = `/model [NAME]  ask another model, or list them
/peer [NAME]   ask this device only; without a name, any
/save FILE     write the conversation as JSON, which exec inference.chat @FILE reads
/help          this list
/exit          end; Ctrl-D does too. Ctrl-C stops an answer`

/** Lines that the arrow keys bring back. */
const HISTORY_LINES_MAX = 500
const CTRL_C = '\u0003'

export async function talk(conversation: Conversation, output: Output): Promise<void> {
  const model = mustBeAmong(
    await writers(conversation.node),
    conversation.model,
    'See what there is: lumos-node models'
  )
  if (conversation.peer !== undefined) await mustAnswer(conversation, conversation.peer)
  output.note(`Talking to ${model.id}${outside(model)}. /help lists commands.`)
  const lines = new Lines()
  for (;;) {
    const line = await lines.next()
    if (line === undefined) return
    const text = line.trim()
    if (text === '') continue
    if (text === '/exit') return
    try {
      if (text.startsWith('/')) await obey(text, conversation, output)
      else await answer(conversation, line, output)
    } catch (thrown) {
      const error = toLumosError(thrown)
      // Without its node there is nothing to talk to.
      if (error.code === 'NODE_NOT_RUNNING') throw error
      output.error(error)
    }
  }
}

/** What is typed, line by line. The terminal is read only while a line is waited for. */
class Lines {
  readonly #history: string[] = []
  /** Lines that came along with another one, as in a paste. */
  readonly #waiting: string[] = []

  /** What is typed up to Enter; nothing once it is over. Ctrl-C empties the line. */
  async next(): Promise<string | undefined> {
    if (this.#waiting.length > 0) return this.#waiting.shift()
    const { promise, resolve } = Promise.withResolvers<void>()
    const lines = createInterface({
      ...{ input: process.stdin, output: process.stderr, terminal: true },
      ...{ history: [...this.#history], historySize: HISTORY_LINES_MAX, removeHistoryDuplicates: true }
    })
    lines
      .on('line', line => {
        this.#waiting.push(line)
        resolve()
      })
      .once('close', resolve)
      .on('history', newest => this.#history.splice(0, this.#history.length, ...newest))
      .on('SIGINT', () => {
        lines.write(null, { ctrl: true, name: 'e' })
        lines.write(null, { ctrl: true, name: 'u' })
      })
    lines.setPrompt('> ')
    lines.prompt()
    await promise
    lines.close()
    return this.#waiting.shift()
  }
}

/** Prints the answer. Ctrl-C stops it, and with it the work of the device that answers. */
async function answer(conversation: Conversation, question: string, output: Output): Promise<void> {
  const stop = new AbortController()
  const onKeys = (keys: Buffer) => {
    if (keys.includes(CTRL_C)) stop.abort()
  }
  // In raw mode Ctrl-C is a key, which ends no program.
  process.stdin.setRawMode(true).resume().on('data', onKeys)
  try {
    await printPieces(conversation.ask(question, stop.signal), output, false)
  } catch (thrown) {
    if (!stop.signal.aborted) throw thrown
    output.note('\n(stopped)')
  } finally {
    process.stdin.off('data', onKeys).pause().setRawMode(false)
  }
}

async function obey(text: string, conversation: Conversation, output: Output): Promise<void> {
  const [, command = '', argument = ''] = /^(\/\S+)\s*(.*)$/.exec(text) ?? []
  switch (command) {
    case '/help':
      output.note(HELP)
      return
    case '/model':
      await chooseModel(conversation, argument, output)
      return
    case '/peer':
      if (argument !== '') await mustAnswer(conversation, argument)
      conversation.peer = argument === '' ? undefined : argument
      output.note(argument === '' ? 'Any device may answer.' : `Only ${printable(argument)} may answer.`)
      return
    case '/save':
      await save(conversation, argument, output)
      return
    default: {
      const closest = closestNames(command, ['/model', '/peer', '/save', '/help', '/exit'])
      throw new LumosError('USAGE', `There is no ${printable(command)}.`, {
        hint: closest.length > 0 ? `Closest: ${closest.join(', ')}.` : '/help lists commands.'
      })
    }
  }
}

async function chooseModel(conversation: Conversation, name: string, output: Output): Promise<void> {
  const models = await writers(conversation.node)
  if (name === '') {
    for (const model of models)
      output.note(printable(`${model.id}  ${model.devices.join(', ')}${outside(model)}`))
    return
  }
  const model = mustBeAmong(models, name, '/model lists them.')
  conversation.model = name
  output.note(`Talking to ${name}${outside(model)}.`)
}

const outside = ({ leaves_mesh: leaves }: ListedModel): string =>
  leaves ? ', on a server outside of the mesh' : ''

/** @throws {LumosError} where there is no such device, or it does not offer the model: before a question is typed. */
async function mustAnswer({ node, model }: Conversation, peer: string): Promise<void> {
  await node.execute('inference.explain', { task: textGeneration.name, model }, { peer })
}

function mustBeAmong(models: readonly ListedModel[], name: string, otherwise: string): ListedModel {
  const found = models.find(({ id }) => id === name)
  if (found !== undefined) return found
  const closest = closestNames(
    name,
    models.map(({ id }) => id)
  )
  throw new LumosError('MODEL_NOT_FOUND', `No device offers "${name}" to write text.`, {
    hint: closest.length > 0 ? `Closest: ${closest.join(', ')}.` : otherwise
  })
}

async function save(conversation: Conversation, file: string, output: Output): Promise<void> {
  if (file === '') throw new LumosError('USAGE', '/save needs the name of a file.')
  try {
    await writeFile(fromTilde(file), `${JSON.stringify(conversation.asked(), undefined, 2)}\n`, {
      flag: 'wx',
      mode: 0o600
    })
  } catch (err) {
    const exists = (err as NodeJS.ErrnoException).code === 'EEXIST'
    const words = exists ? 'there is one already' : (err as Error).message
    throw new LumosError('INVALID_INPUT', `${file} cannot be written: ${words}.`, { cause: err })
  }
  output.note(`Saved in ${printable(file)}.`)
}
