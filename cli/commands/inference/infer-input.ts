/** The arguments of `infer` as the input of a task: text, JSON, or the bytes of files. */

import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import { definitionOf, type TaskName } from '../../../interface/tasks/index.ts'
import { isElsewhere, readBytes, readJson, readText } from '../../input.ts'

/** Where one input is not enough. */
const BATCH = 'Many inputs, or a folder of them: lumos-node batch'

/** @param others what the model does too: one of them may be meant. */
export async function inputFor(
  task: TaskName,
  given: readonly string[],
  others: readonly TaskName[] = []
): Promise<unknown> {
  const { argument } = definitionOf(task)
  const text = others.find(other => definitionOf(other).argument.from === 'text')
  const hint = text && `${task} takes a file; for text: --task ${text}`
  if (argument.from === 'files')
    return argument.input(await Promise.all(given.map(name => readFile(name, hint))))
  if (given.length > 1)
    throw new LumosError('USAGE', `${task} takes one input, and ${given.length} are given.`, { hint: BATCH })
  const [one] = given as readonly [string]
  switch (argument.from) {
    case 'file':
      return argument.input(await readFile(one, hint))
    case 'text':
      return argument.input(await readText(one))
    case 'json':
      return readJson(one)
  }
}

/** In base64. A task that takes a file takes nothing else, so its name needs no mark: some shells give `@` a meaning. */
async function readFile(given: string, hint: string | undefined): Promise<string> {
  try {
    return (await readBytes(isElsewhere(given) ? given : `@${given}`)).toString('base64')
  } catch (err) {
    const { code } = ((err as Error).cause ?? {}) as NodeJS.ErrnoException
    if (code === 'ENOENT' && hint) throw new InvalidInputError((err as Error).message, { hint, cause: err })
    if (code !== 'EISDIR') throw err
    throw new InvalidInputError(`${given} is a folder, and a file is asked for.`, { hint: BATCH, cause: err })
  }
}
