/**
 * Members that break the rules, and one who is none. Each does one thing, over
 * and over; what a forged signature could do is not here, because no shell lets
 * it reach a core.
 */

import type { SignedManifest } from '../../interface/manifest.ts'
import { manifestOf, peerIdOf } from './identities.ts'
import type { Life } from './life.ts'
import type { VirtualNode } from './node.ts'
import type { World } from './world.ts'

/** How often each does what it does. */
const MISCHIEF_MS = 3000
const FLOOD = 40
const REPLAYED = 8

export function makeMischief(world: World, node: VirtualNode): void {
  const mischief = MISCHIEF[node.role]
  if (mischief === undefined) return
  const again = (): void => {
    if (world.nowMs > world.plan.healedMs) return
    node.run(life => mischief(life))
    world.after(MISCHIEF_MS * (0.5 + world.random()), again)
  }
  world.after(MISCHIEF_MS, again)
}

/** A liar lies by what it offers, and a dropper by what it does not do; see `server.ts`, `life.ts` and `gossip.ts`. */
const MISCHIEF: Partial<Record<string, (life: Life) => void>> = {
  /** Brings back what it has once heard, as if it were fresh. */
  replayer(life) {
    const { world, node } = life
    const heard = [...life.records.providers.entries.values()].flatMap(({ signed }) => signed ?? [])
    const memory = memoryOf(node)
    memory.push(...heard)
    const items = Array.from({ length: REPLAYED }, () => memory[Math.floor(world.random() * memory.length)]!)
    for (const side of life.meetings.gossiping) {
      life.send(side, { type: 'manifests', items: items.map(signed => ({ signed, ageMs: 0 })) })
    }
  },

  /** Tells everyone something else under one number. */
  equivocator(life) {
    const { world, node } = life
    const { epoch, sequence, ttlMs } = life.records.current.manifest
    for (const side of life.meetings.gossiping) {
      const signed = manifestOf({
        ...{ node: node.index, epoch, sequence, ttlMs, capabilities: node.capabilities },
        ...{ chain: world.identities.chainOf(node.index), content: side.peer + 1 }
      })
      life.send(side, { type: 'manifests', items: [{ signed, ageMs: 0 }] })
    }
  },

  /** Asks for more than anyone can answer, and gives half of it up; announces all the time. */
  flooder(life) {
    const { world } = life
    const [side] = life.meetings.gossiping.toSorted(() => world.random() - 0.5)
    if (side === undefined) return
    for (let i = 0; i < FLOOD; i++) {
      const call = world.nextNumber()
      const model = world.plan.models[i % world.plan.models.length]!
      life.send(side, { type: 'call', call, request: call, model, budgetMs: 10_000, from: 0 })
      if (i % 2 === 0) life.send(side, { type: 'cancel', call })
    }
  },

  /** Knocks everywhere and asks at once, without a certificate of this mesh. */
  stranger(life) {
    const { world, node } = life
    const to = Math.floor(world.random() * world.nodes.length)
    if (to === node.index) return
    world.network.dial(node.index, to, connection => {
      const side = connection?.sides.find(({ node: end }) => end === node.index)
      if (side === undefined) return
      const [model] = world.plan.models
      life.send(side, {
        type: 'call',
        call: world.nextNumber(),
        request: 1,
        model: model!,
        budgetMs: 10_000,
        from: 0
      })
      life.send(side, { type: 'pull', versions: [{ peerId: peerIdOf(to), epoch: 0, sequence: 0 }] })
    })
  }
}

const memories = new WeakMap<VirtualNode, ReturnType<typeof newMemory>>()
/** Enough to bring back what is long outdated. */
const MEMORY_MAX = 500
const newMemory = (): SignedManifest[] => []
function memoryOf(node: VirtualNode): SignedManifest[] {
  const memory = memories.get(node) ?? newMemory()
  memories.set(node, memory)
  if (memory.length > MEMORY_MAX) memory.splice(0, memory.length - MEMORY_MAX)
  return memory
}
