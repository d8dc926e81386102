/** `mesh show`: which mesh this is, and what this device is in it. */

import type { MeshInfo } from '../../../interface/mesh.ts'
import type { SnakeCase } from '../../../interface/snake-case.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import type { Output } from '../../output.ts'
import { duration } from '../../quantities.ts'

export async function run({ options, output }: Invocation): Promise<void> {
  const { data } = await findNode(options).execute<MeshInfo>('mesh.show')
  output.data(data, () => wordsFor(data, output))
}

export function wordsFor(info: SnakeCase<MeshInfo>, output: Output): string {
  const { id, name, role, members, admins, advice, expires_at_ms } = info
  const until =
    expires_at_ms === null
      ? 'none'
      : `${duration((expires_at_ms - Date.now()) / 1000)} left; renewed by itself while an admin can be reached`
  return [
    `${output.paint('bold', name)}  ${id}`,
    `this device  ${info.device_name}, ${role ?? 'no member any more'}`,
    `members      ${members}, of whom ${admins} ${admins === 1 ? 'is an admin' : 'are admins'}`,
    `root key     ${info.holds_root ? 'on this device' : 'not on this device'}`,
    `certificate  ${until}`,
    ...advice.map(words => output.paint('yellow', words))
  ].join('\n')
}
