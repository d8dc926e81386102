/** `memory create|list|status|compact|verify|forget`. */

import { LumosError } from '../../../interface/errors.ts'
import type { SnakeCase } from '../../../interface/snake-case.ts'
import type { Space } from '../../../units/memory/shapes.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import type { Output } from '../../output.ts'
import { confirm } from '../../prompt.ts'
import { bytes } from '../../quantities.ts'

type SpaceJson = SnakeCase<Space>

interface DocItem {
  readonly name: string
  readonly kind: string
  readonly entries: number
  readonly bytes: number
}

export async function create({ args, options, output }: Invocation): Promise<void> {
  const [name] = args as [string]
  const { data } = await findNode(options).execute<Space>('memory.create', { name })
  output.data(
    data,
    () => `The space ${data.name} is private. Share it: lumos-node memory share ${data.name} DEVICE`
  )
}

export async function list({ args, options, output }: Invocation): Promise<void> {
  const [space] = args
  const node = findNode(options)
  if (space !== undefined) {
    const { data } = await node.execute<{ items: DocItem[] }>('memory.docs', { space })
    output.data(data, () =>
      data.items.length === 0
        ? `The space ${space} has no documents yet.`
        : output.table(
            ['DOCUMENT', 'KIND', 'ENTRIES', 'SIZE'],
            data.items.map(doc => [doc.name, doc.kind, String(doc.entries), bytes(doc.bytes)])
          )
    )
    return
  }
  const { data } = await node.execute<{ items: Space[] }>('memory.list', {})
  output.data(data, () => spacesTable(data.items, output))
}

function spacesTable(items: readonly SpaceJson[], output: Output): string {
  if (items.length === 0) return 'This device has no space. Make one: lumos-node memory create NAME'
  const rows = items.map(({ name, right, shared, docs, entries, bytes: size, peers }) => {
    const inStep = peers.filter(peer => peer.in_step).length
    const others = shared ? `${inStep} of ${peers.length} in step` : 'private'
    return [name, right, others, String(docs), String(entries), bytes(size)]
  })
  return output.table(['SPACE', 'RIGHT', 'DEVICES', 'DOCUMENTS', 'ENTRIES', 'SIZE'], rows)
}

export async function status({ args, options, output }: Invocation): Promise<void> {
  const { data } = await findNode(options).execute<Space>('memory.status', { space: args[0] })
  output.data(data, () => {
    const lines = [
      `${data.name}  ${data.id}`,
      `  right      ${data.right}`,
      ...(data.hash === null
        ? [`  holds      ${bytes(data.bytes)}, encrypted: this device carries them for others`]
        : [
            `  documents  ${data.docs}, with ${data.entries} entries, ${bytes(data.bytes)}`,
            `  content    ${data.hash}`
          ]),
      `  history    ${wordsOf(data)}`,
      ...data.grants.map(
        ({ peer_id: peer, name, role, right }) =>
          `  shared     ${right}: ${name ?? peer ?? `the role ${role}`}`
      ),
      ...data.peers.map(
        ({ peer_id: peer, name, in_step: inStep }) =>
          `  connected  ${name ?? peer}: ${inStep ? 'in step' : 'not in step yet'}`
      )
    ]
    return lines.join('\n')
  })
}

export async function compact({ args, options, output }: Invocation): Promise<void> {
  const { data } = await findNode(options).execute<{ bytesBefore: number; bytesAfter: number }>(
    'memory.compact',
    {
      space: args[0]
    }
  )
  output.data(
    data,
    () => `${args[0]} takes ${bytes(data.bytes_after)} now, after ${bytes(data.bytes_before)}.`
  )
}

export async function hold({
  args,
  options,
  output
}: Invocation<{ readonly newest?: boolean; readonly all?: boolean }>): Promise<void> {
  if ((options.newest === true) === (options.all === true))
    throw new LumosError('USAGE', 'Give one of --newest and --all.')
  const part = options.newest ? 'newest' : 'all'
  const { data } = await findNode(options).execute<Space>('memory.hold', { space: args[0], part })
  output.data(data, () => `${data.name} keeps ${wordsOf(data)}.`)
}

const wordsOf = ({ part, log }: SpaceJson): string => {
  const gone = log.in_snapshot > 0 ? `, and ${log.in_snapshot} only as a snapshot` : ''
  return `${log.here} changes here${gone}${part === 'newest' ? ' (its newest part)' : ''}`
}

export async function verify({ args, options, output }: Invocation): Promise<void> {
  const { data } = await findNode(options).execute<{ envelopes: number; problems: string[] }>(
    'memory.verify',
    {
      space: args[0]
    }
  )
  output.data(data, () =>
    [`${data.envelopes} envelopes were checked; ${data.problems.length} problems.`, ...data.problems].join(
      '\n'
    )
  )
  if (data.problems.length > 0) process.exitCode = 1
}

export async function forget({
  args,
  options,
  output
}: Invocation<{ readonly yes?: boolean }>): Promise<void> {
  const [space, doc] = args as [string, string | undefined]
  const what = doc === undefined ? `the space ${space}` : `${doc} of ${space}`
  const node = findNode(options)
  const { right, shared } = (await node.execute<Space>('memory.status', { space })).data
  if (doc !== undefined && right !== 'own')
    throw new LumosError(
      'MEMORY_DENIED',
      `Only an owner of ${space} forgets a document of it: on each device.`,
      {
        hint: `From this device goes the whole space: lumos-node memory forget ${space}`
      }
    )
  const isOnlyHere = right !== 'own' || !shared
  const where = isOnlyHere ? 'from this device' : 'on each device that has it'
  await confirm(`Remove ${what} ${where}? Nothing brings it back.`, options.yes)
  const { data } = await node.execute('memory.forget', { space, ...(doc !== undefined && { doc }) })
  const others = isOnlyHere ? '' : ', and by other devices as they are reached'
  output.data(data, () => `${doc ?? space} is forgotten here${others}.`)
}
