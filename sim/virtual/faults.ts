/** Does to a virtual world what a plan says, and undoes it when its time is over. */

import type { Fault } from './plan.ts'
import { revokeAt } from './removal.ts'
import type { World } from './world.ts'

export function inflict(world: World, fault: Fault): void {
  world.trace.note(world.nowMs, 'node' in fault ? fault.node : 0, `fault ${fault.type}`, 0)
  switch (fault.type) {
    case 'crash': {
      const node = world.nodes[fault.node]!
      node.crash(fault.kind)
      world.after(fault.forMs, () => node.start())
      return
    }
    case 'pause': {
      const node = world.nodes[fault.node]!
      node.pause()
      world.after(fault.forMs, () => node.resume())
      return
    }
    case 'slow': {
      const node = world.nodes[fault.node]!
      node.slowness *= fault.factor
      world.after(fault.forMs, () => {
        node.slowness /= fault.factor
      })
      return
    }
    case 'skew':
      world.nodes[fault.node]!.skewMs = fault.byMs
      return
    case 'partition': {
      const inside = new Set(fault.nodes)
      world.network.separate(inside)
      world.after(fault.forMs, () => world.network.rejoin(inside))
      return
    }
    case 'one-way':
      cut(world, fault.from, fault.to, fault.forMs)
      return
    case 'flap':
      for (let i = 0; i < fault.times; i++) {
        world.after(i * fault.periodMs, () => {
          cut(world, fault.a, fault.b, fault.periodMs / 2)
          cut(world, fault.b, fault.a, fault.periodMs / 2)
        })
      }
      return
    case 'loss':
      lose(world, fault.node, fault.rate, fault.forMs)
      return
    case 'revoke':
      revokeAt(world, fault.by, fault.subject)
  }
}

function cut(world: World, from: number, to: number, forMs: number): void {
  world.network.block(from, to)
  world.after(forMs, () => world.network.unblock(from, to))
}

function lose(world: World, node: number, rate: number, forMs: number): void {
  const links = world.nodes.flatMap(({ index }) =>
    index === node ? [] : [world.network.link(node, index), world.network.link(index, node)]
  )
  for (const link of links) link.lossRate += rate
  world.after(forMs, () => {
    for (const link of links) link.lossRate = Math.max(0, link.lossRate - rate)
  })
}
