/** A node as a process of its own that kills itself, as `kill -9` would, before or after a step of pairing. */

import { createLumosNode } from '../../node/create-node.ts'
import { RootKey } from '../../node/membership/root-key.ts'
import { MeshStore } from '../../storage/mesh/mesh-store.ts'
import { ALONE } from '../node/mesh-nodes.ts'

/** In the order in which they come: two on the inviter, two on the device. */
const STEPS = {
  burnInvite: MeshStore.prototype,
  storeMember: MeshStore.prototype,
  enter: MeshStore.prototype,
  remove: RootKey.prototype
}
export type Step = keyof typeof STEPS
export type When = 'before' | 'after'
export interface Orders {
  readonly home: string
  readonly name: string
  readonly step: Step
  readonly when: When
}

if (process.send !== undefined && process.argv[2]?.startsWith('{')) await live(JSON.parse(process.argv[2]))

async function live({ home, name, step, when }: Orders): Promise<void> {
  const node = await createLumosNode({ home, settings: { ...ALONE, name } })
  await node.start()
  dieAt(STEPS[step] as never, step, when)
  process.on('message', (message: string) => {
    if (message === 'invite') process.send!(node.mesh.invite().code)
    else void node.mesh.join(message)
  })
  process.on('disconnect', () => process.exit())
  process.send!('ready')
}

function dieAt(prototype: Record<string, (...args: unknown[]) => unknown>, step: string, when: When): void {
  const original = prototype[step]!
  prototype[step] = function (...args) {
    if (when === 'after') original.apply(this, args)
    process.kill(process.pid, 'SIGKILL')
    // The signal is not handled at once.
    for (;;);
  }
}
