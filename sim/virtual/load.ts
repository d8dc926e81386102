/** What people ask of a virtual mesh: requests at random times, some of them given up. */

import type { VirtualNode } from './node.ts'
import type { World } from './world.ts'

/** A request in ten is given up before its end. */
const CANCELLED_SHARE = 0.1

export function startLoad(world: World): void {
  for (const node of world.nodes) if (node.isHonest) askLater(world, node)
}

function askLater(world: World, node: VirtualNode): void {
  const { requestsPerMinute, requestsUntilMs } = world.plan
  const ms = -Math.log(1 - world.random()) * (60_000 / requestsPerMinute)
  if (world.nowMs + ms > requestsUntilMs) return
  world.after(ms, () => {
    node.run(life => {
      const { models, budgetMs } = world.plan
      const request = world.nextNumber()
      const model = models[Math.floor(world.random() * models.length)]!
      life.asker.ask(request, { model, budgetMs: budgetMs * (0.2 + world.random()) })
      if (world.random() < CANCELLED_SHARE) {
        life.after(world.random() * 20 * world.plan.chunkMs, () => life.asker.cancel(request))
      }
    })
    askLater(world, node)
  })
}
