/** What a person sees who types the name of the program alone: how the node is, and the next sensible commands. */

import { emitKeypressEvents } from 'node:readline'
import { LumosError } from '../interface/errors.ts'
import type { NodeStatus } from '../interface/status.ts'
import type { ModelList } from '../units/model.ts'
import { findNode } from './client.ts'
import { type Output, printable } from './output.ts'

interface Choice {
  readonly words: string
  /** Of the command line. */
  readonly args: readonly string[]
}

interface Menu {
  readonly state: readonly string[]
  readonly choices: readonly Choice[]
}

const MORE: Choice = { words: 'see all commands', args: ['--help'] }

/** Shows it, and gives the command that was chosen; nothing after Ctrl-C, Escape or q. */
export async function chosenFromMenu(output: Output): Promise<readonly string[] | undefined> {
  const menu = await menuOf()
  for (const line of menu.state) output.note(printable(line))
  return (await chosen(menu.choices))?.args
}

async function menuOf(): Promise<Menu> {
  try {
    const node = findNode({})
    const { data: status } = await node.execute<NodeStatus>('mesh.status')
    const { data: models } = await node.execute<ModelList>('model.list', { limit: 1 })
    const alone = status.peers === 0
    return {
      state: [
        `${status.name} runs in the mesh "${status.mesh}".`,
        `Connected: ${count(status.peers, 'other device')}. Offered: ${count(models.total, 'model')}.`
      ],
      choices: [
        ...(models.total === 0 ? [] : [{ words: 'talk to a model', args: ['chat'] }]),
        { words: 'see the models', args: ['models'] },
        alone
          ? { words: 'invite another device', args: ['invite'] }
          : { words: 'see the devices', args: ['peers'] },
        { words: 'see how the node is', args: ['status'] },
        { words: 'find out what is wrong', args: ['doctor'] },
        { words: 'stop the node', args: ['stop'] },
        MORE
      ]
    }
  } catch (err) {
    if (!(err instanceof LumosError && err.code === 'NODE_NOT_RUNNING')) throw err
    return {
      state: [err.message],
      choices: [
        { words: 'start the node', args: ['start', '--detach'] },
        { words: 'join the mesh of another device', args: ['join', '--help'] },
        { words: 'find out what is wrong', args: ['doctor'] },
        MORE
      ]
    }
  }
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`

/** By its number, or by the arrows and Enter. */
async function chosen(choices: readonly Choice[]): Promise<Choice | undefined> {
  const { stdin, stderr } = process
  let at = 0
  const draw = (isFirst: boolean): void => {
    const lines = choices.map(
      ({ words, args }, i) =>
        `\r\u001b[K${i === at ? '>' : ' '} ${i + 1}  ${words}  (lumos-node ${args.join(' ')})\n`
    )
    stderr.write(`${isFirst ? '' : `\u001b[${choices.length}A`}${lines.join('')}`)
  }
  emitKeypressEvents(stdin)
  stdin.setRawMode(true)
  stdin.resume()
  draw(true)
  try {
    return await new Promise<Choice | undefined>(resolve => {
      stdin.on('end', () => resolve(undefined))
      stdin.on('keypress', (text: string | undefined, { name, ctrl }: { name?: string; ctrl?: boolean }) => {
        if (name === 'escape' || name === 'q' || (ctrl && (name === 'c' || name === 'd'))) resolve(undefined)
        else if (name === 'return') resolve(choices[at])
        else if (name === 'up' || name === 'down') {
          at = (at + (name === 'up' ? -1 : 1) + choices.length) % choices.length
          draw(false)
        } else if (/^[1-9]$/.test(text ?? '') && Number(text) <= choices.length)
          resolve(choices[Number(text) - 1])
      })
    })
  } finally {
    stdin.removeAllListeners('keypress')
    stdin.setRawMode(false)
    stdin.pause()
  }
}
