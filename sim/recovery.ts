/** What follows a disturbance: all is put right, and all who run must be well again. */

import type { LumosNode } from '../interface/node.ts'
import type { Stage } from './stage.ts'

/** Everything is put right; all who run must agree, and be answered, within this time. Time to agree is returned. */
export async function recover(stage: Stage, promisedMs: number): Promise<number> {
  const withinMs = Math.round(stage.promised(promisedMs))
  await stage.inflict({ kind: 'heal' })
  stage.observer.add({ type: 'healed', withinMs })
  const endMs = stage.elapsedMs + withinMs
  const agreed = stage.agree('those who run agree again', promisedMs)
  const answered = stage.members.map(index => answeredBy(stage, index, endMs))
  await Promise.allSettled([agreed, ...answered])
  return await agreed
}

/** A node that asks until it was answered: who is not connected again yet may be refused the first time. */
async function answeredBy(stage: Stage, index: number, endMs: number): Promise<void> {
  while (stage.elapsedMs < endMs && !stage.signal.aborted) {
    const budgetMs = Math.max(1, endMs - stage.elapsedMs)
    const { code } = await stage.ask(index, { peer: neighbourOf(stage, index), budgetMs })
    if (code === undefined) return
    await stage.pause(stage.lookMs)
  }
}

/** PeerId of a running node that can answer: of another one if there is any. */
function neighbourOf(stage: Stage, index: number): string | undefined {
  const running = stage.members.filter(other => offersEcho(stage.node(other)))
  const next = running.find(other => other > index) ?? running[0]
  return next === undefined ? undefined : stage.node(next).peerId
}

const offersEcho = (node: LumosNode): boolean =>
  node
    .models()
    .some(
      ({ model, providers }) => model === 'echo' && providers.some(({ peerId }) => peerId === node.peerId)
    )
