/** How another program starts this command. It has neither the PATH of this shell nor its variables. */

import { fileURLToPath } from 'node:url'
import { LumosError } from '../interface/errors.ts'

const isSource = import.meta.url.endsWith('.ts')
/** As the package has it, from the source and from the bundle. */
export const SCRIPT = fileURLToPath(
  new URL(isSource ? './lumos-node.cjs' : '../cli/lumos-node.cjs', import.meta.url)
)

/** @throws {LumosError} `CONFIG_INVALID` as {@link mustStay} does. */
export function ownCommand(): readonly [node: string, script: string] {
  mustStay(SCRIPT)
  return [process.execPath, SCRIPT]
}

/** @throws {LumosError} `CONFIG_INVALID` for a script that is gone some day. */
export function mustStay(script: string): void {
  if (!/[\\/]_npx[\\/]/.test(script)) return
  throw new LumosError('CONFIG_INVALID', `${script} is in the cache of npx, which npm empties.`, {
    hint: 'Install it first: npm install -g lumos-node'
  })
}
