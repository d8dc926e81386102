/** What must be true once everything is healed and some time has passed. */

import { peerIdOf } from './identities.ts'
import type { Life } from './life.ts'
import { BrokenInvariant } from './promises.ts'
import type { World } from './world.ts'

/** An announcement that gossip loses is pulled a minute later, and that may have to be done twice. */
const LATE_MS = 90_000
/** A manifest is announced again after a third of its life, give or take a tenth of that. */
const ANNOUNCED_AGAIN_BY = 1.1 / 3

/** What is still missing; nothing when all who are connected agree. */
export function disagreement(world: World): string | undefined {
  for (const group of groupsOf(world)) {
    const [first] = group
    for (const life of group) {
      const { index } = life.node
      if (removalsOf(life) !== removalsOf(first!)) {
        return `n${index} knows ${life.records.members.removals.kept.size} removals, n${first!.node.index} ${first!.records.members.removals.kept.size}`
      }
      for (const other of group) {
        const known = life.records.providers.entries.get(peerIdOf(other.node.index))
        const { sequence, ttlMs } = other.records.current.manifest
        const heardMs = life.monotonicMs - (known?.madeAtMs ?? 0)
        const late = known?.sequence !== sequence && heardMs > ttlMs * ANNOUNCED_AGAIN_BY + LATE_MS
        if (known?.signed === undefined || late) {
          return `n${index} knows number ${known?.sequence} of n${other.node.index}, which is at ${sequence}`
        }
      }
    }
  }
  return undefined
}

/** Who would have to be connected with whom, and is not. */
export function separation(world: World): string | undefined {
  for (const life of honestLives(world)) {
    for (const peer of life.node.acquaintances) {
      const other = world.nodes[peer]!
      if (!isHonest(world, peer)) continue
      if (other.life === undefined) return `n${peer} is not running`
      if (life.meetings.sideOf(peer) === undefined)
        return `n${life.node.index} is not connected with n${peer}`
    }
  }
  return undefined
}

const removalsOf = ({ records }: Life): string => [...records.members.removals.kept.keys()].sort().join()

const isHonest = (world: World, node: number): boolean =>
  world.nodes[node]!.isHonest && !world.removed.has(node)

const honestLives = (world: World): Life[] =>
  world.nodes.flatMap(({ index, life }) => (isHonest(world, index) && life !== undefined ? [life] : []))

/** Honest nodes, by whom they can reach over honest ones. */
function groupsOf(world: World): Life[][] {
  const left = new Map(honestLives(world).map(life => [life.node.index, life]))
  const groups: Life[][] = []
  for (const life of [...left.values()]) {
    if (!left.delete(life.node.index)) continue
    const group = [life]
    for (const member of group) {
      for (const peer of member.meetings.greeted) {
        const other = left.get(peer)
        if (other !== undefined && left.delete(peer)) group.push(other)
      }
    }
    groups.push(group)
  }
  return groups
}

/** Longer than any answer takes that need not wait. */
const PROBE_MS = 60_000
const LOOK_MS = 5000

/** One after the other, everyone asks somebody by name and must be answered. */
export function probe(world: World): void {
  const targets = honestLives(world).filter(({ node }) => node.capabilities.length > 0)
  for (const [i, life] of honestLives(world).entries()) {
    const target = targets[(i + 1) % Math.max(targets.length, 1)]
    if (target === undefined) return
    const request = world.nextNumber()
    const { model } = target.node.capabilities[0]!
    world.checker.watch(request)
    life.asker.ask(request, { model, budgetMs: PROBE_MS, peer: target.node.index })
    for (let ms = 0; ms <= PROBE_MS && world.checker.outcomeOf(request) === undefined; ms += LOOK_MS) {
      world.run(world.nowMs + LOOK_MS)
    }
    const outcome = world.checker.outcomeOf(request)
    if (outcome === 'ok') continue
    const who = `n${life.node.index} asked n${target.node.index} for ${model}`
    throw new BrokenInvariant('L4', `${who}: ${outcome ?? 'no answer'}`)
  }
}
