/** `join`: becomes a member by a code, or by asking; starts a node first where none runs. */

import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import type { Asking, FoundMesh, Joined } from '../../../interface/mesh.ts'
import type { SnakeCase } from '../../../interface/snake-case.ts'
import { findNode, type NodeClient } from '../../client.ts'
import { readText } from '../../input.ts'
import { onInterrupt } from '../../interrupted.ts'
import type { GlobalOptions, Invocation } from '../../invocation.ts'
import type { Output } from '../../output.ts'
import { runningNode, startDetached } from '../node/start.ts'

interface JoinOptions extends GlobalOptions {
  readonly nearby?: boolean
  readonly mesh?: string
  readonly name?: string
  readonly jsonl?: boolean
}

/** As long as a node asks. */
const NEARBY_TIMEOUT_MS = 10 * 60_000 + 5000

export async function run({ args, options, output }: Invocation<JoinOptions>): Promise<void> {
  const [argument] = args
  if ((argument === undefined) === !options.nearby) {
    throw new LumosError('USAGE', 'Give either a code or --nearby.', {
      hint: 'A code is what lumos-node invite prints on a device of the mesh.'
    })
  }
  const code = argument === undefined ? undefined : (await readText(argument)).trim()
  if (code === '') throw new InvalidInputError('The code is empty.')

  if ((await runningNode(options)) === undefined) {
    const { name } = await startDetached({ ...options, mesh: undefined, mdns: true })
    output.note(`Started a node in the background, ${name}. It stops with: lumos-node stop`)
  }
  const node = findNode(options)
  using _interrupted = onInterrupt(
    output,
    'Given up: the node asks no more, and goes on as it was. In which mesh it is: lumos-node mesh show'
  )
  const { name, jsonl = false } = options
  const joined =
    code === undefined
      ? await askNearby(node, { mesh: options.mesh, name }, step => tell(step, jsonl, output))
      : (await node.execute<Joined>('mesh.join', { code, name })).data
  const event = { event: 'joined', ...joined }
  if (jsonl) output.line(JSON.stringify(event))
  else output.data(event, () => wordsFor(joined, code !== undefined, output))
}

function wordsFor({ mesh, name, role, phrase }: SnakeCase<Joined>, compare: boolean, output: Output): string {
  const words = [`This device is ${output.paint('bold', name)} in the mesh "${mesh}" now, as ${role}.`]
  if (compare) words.push(`The other screen shows the same check phrase: ${output.paint('bold', phrase)}`)
  return words.join('\n')
}

/** With `--json` the one object comes at the end; the steps are for a person, who must see them before. */
function tell({ type, ...step }: Step, jsonl: boolean, output: Output): void {
  const words =
    'phrase' in step
      ? `The admin device shows the same check phrase: ${output.paint('bold', step.phrase)}`
      : `Found "${step.mesh}". On an admin device of it, type: lumos-node approve`
  if (jsonl) output.line(JSON.stringify({ event: type, ...step }))
  else if (output.json) output.note(words)
  else output.line(words)
}

type Step =
  | ({ readonly type: 'found' } & SnakeCase<FoundMesh>)
  | ({ readonly type: 'asking' } & SnakeCase<Asking>)

async function askNearby(
  node: NodeClient,
  input: { mesh?: string; name?: string },
  onStep: (step: Step) => void
): Promise<SnakeCase<Joined>> {
  const items = node.stream('mesh.join_nearby', input, { timeoutMs: NEARBY_TIMEOUT_MS })
  for await (const item of items) {
    const step = item as Step | ({ type: 'joined' } & SnakeCase<Joined>)
    if (step.type !== 'joined') {
      onStep(step)
      continue
    }
    const { type: _type, ...joined } = step
    return joined
  }
  throw new LumosError('STREAM_INTERRUPTED', 'The node went away before a person had decided.')
}
