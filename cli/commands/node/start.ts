/** `start`: runs a node here or in the background, unless one runs already. */

import { fork } from 'node:child_process'
import { setFlagsFromString } from 'node:v8'
import { LumosError } from '../../../interface/errors.ts'
import type { NodeStatus } from '../../../interface/status.ts'
import { findNode } from '../../client.ts'
import { leaveNoCore } from '../../core-dumps.ts'
import { type GivenNames, ignoredNames, lateOptions } from '../../ignored.ts'
import type { GlobalOptions, Invocation, StartOptions } from '../../invocation.ts'
import type { Output } from '../../output.ts'
import { askSecret, canAsk } from '../../prompt.ts'
import { fromMessage, type PassphraseMessage, type Ready, type StartMessage } from '../../ready.ts'

const ALONE = [
  'Alone so far. To let a device in, here: lumos-node invite',
  'To join a mesh, here: lumos-node join CODE, or on one network: lumos-node join --nearby'
].join('\n')
/** Addresses printed; `status` tells them all. */
const ADDRESSES_SHOWN_MAX = 4

export async function run({ options, output }: Invocation<StartOptions>): Promise<void> {
  const running = await runningNode(options)
  if (running !== undefined) {
    const ignored = [...(running.ignored ?? []), ...lateOptions(options)]
    const ready = { ...running, ...(ignored.length > 0 && { ignored }) }
    printReady(ready, output, `Already running: ${running.name} (${running.peer_id}).`)
    return
  }
  if (options.detach) {
    const ready = await startDetached(options)
    printReady(ready, output, readyLine())
    return
  }
  // Before a key is read.
  const kept = leaveNoCore()
  if (kept !== undefined) output.note(kept)
  allowGrowth(false)
  // Only here is the mesh stack loaded.
  const { serve } = await import('../../serve.ts')
  await serve(options, ready => {
    allowGrowth(true)
    printReady(ready, output, readyLine())
  })
}

/**
 * Loading makes garbage, for which V8 doubles the young generation again and
 * again; an idle node would keep it that large, 7 MB more than it needs. And it
 * finds what resolves the paths of modules worth its optimizing compilers, whose
 * work and own code are 8 MB that an idle node never needs again.
 */
function allowGrowth(allowed: boolean): void {
  for (const compiler of ['opt', 'maglev']) setFlagsFromString(allowed ? `--${compiler}` : `--no-${compiler}`)
  setFlagsFromString(`--semi-space-growth-factor=${allowed ? 2 : 1}`)
}

export async function runningNode(options: GlobalOptions & GivenNames): Promise<Ready | undefined> {
  try {
    const { data } = await findNode(options).execute<NodeStatus & { gateway: string }>('mesh.status')
    const { peer_id, name, gateway, addresses } = data
    const ignored = ignoredNames(options, data)
    return { event: 'ready', peer_id, name, gateway, addresses, ...(ignored.length > 0 && { ignored }) }
  } catch (err) {
    if (err instanceof LumosError && err.code === 'NODE_NOT_RUNNING') return undefined
    throw err
  }
}

/** Counted from the start of this process, as a person who waits counts. */
const readyLine = (): string => `Ready in ${(performance.now() / 1000).toFixed(1)} s`

function printReady(ready: Ready, output: Output, last: string): void {
  const { name, peer_id, gateway, addresses, members, ignored = [], warnings = [] } = ready
  output.data(ready, () =>
    [
      `${output.paint('bold', name)}  ${peer_id}`,
      `gateway  ${gateway}`,
      ...addresses.slice(0, ADDRESSES_SHOWN_MAX).map(address => `address  ${address}`),
      last
    ].join('\n')
  )
  const notes = [...ignored, ...warnings, ...(members === 1 ? [ALONE] : [])]
  if (!output.json) for (const line of notes) output.note(line)
}

/** A process of its own that outlives this one. It tells over IPC when it is ready, or why it is not. */
export async function startDetached(options: StartOptions): Promise<Ready> {
  const { promise, resolve, reject } = Promise.withResolvers<Ready>()
  const child = fork(process.argv[1]!, argumentsOf(options), {
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc']
  })

  child.on('message', async (message: StartMessage) => {
    try {
      if (message.event === 'locked') {
        child.send({ passphrase: canAsk() ? await askSecret('Passphrase: ') : null } as PassphraseMessage)
        return
      }
      resolve(fromMessage(message))
    } catch (err) {
      reject(err)
    }
  })
  child.on('error', reject)
  child.on('exit', (code, signal) => {
    const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`
    reject(
      new LumosError('INTERNAL', `The node ${how} before it was ready.`, {
        hint: 'Start it without -d to see why.'
      })
    )
  })
  try {
    return await promise
  } finally {
    child.removeAllListeners()
    if (child.connected) child.disconnect()
    child.unref()
  }
}

function argumentsOf({
  home,
  verbose,
  name,
  mesh,
  port,
  gatewayPort,
  mdns,
  peer,
  echo
}: StartOptions): string[] {
  const given = { home, name, mesh, port, 'gateway-port': gatewayPort }
  return [
    'start',
    ...Object.entries(given).flatMap(([flag, value]) => (value === undefined ? [] : [`--${flag}=${value}`])),
    ...(peer ?? []).map(address => `--peer=${address}`),
    ...(mdns ? [] : ['--no-mdns']),
    ...(echo ? ['--echo'] : []),
    ...(verbose ? ['--verbose'] : [])
  ]
}
