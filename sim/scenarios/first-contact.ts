/** Nodes that know a few others appear at once; soon each must know and be able to ask everyone. */

import { randomUUID } from 'node:crypto'
import type { LumosNode } from '../../interface/node.ts'
import { pick } from '../random.ts'
import { must, type Scenario } from '../scenario.ts'

export const firstContact: Scenario = {
  name: 'first-contact',
  question: 'Does every node come to know every other, and can it ask it?',
  acquaintances: 3,

  async run({ nodes }, { random, signal, report }) {
    const beganMs = performance.now()
    await Promise.all(nodes.map(node => node.start()))
    const startedMs = performance.now()
    report(`${nodes.length} nodes started in ${Math.round(startedMs - beganMs)} ms`)

    await Promise.all(nodes.map(node => untilKnows(node, nodes.length, signal)))
    const knownMs = performance.now()
    report(`everyone knows everyone ${Math.round(knownMs - startedMs)} ms later`)

    for (const asker of nodes) {
      const other = pick(
        nodes.filter(node => node !== asker),
        random
      )
      const words = `from ${asker.name} to ${other.name} ${randomUUID()}`
      must(
        `${asker.name} gets its own words back from ${other.name}`,
        (await ask(asker, other, words)) === words
      )
    }
    const askedMs = performance.now()
    report(`each asked another one, ${Math.round(askedMs - knownMs)} ms in all`)

    const ids = nodes.flatMap(node =>
      node.models().flatMap(({ providers }) => providers.map(({ peerId }) => peerId))
    )
    must(
      'nobody is listed who is not there',
      ids.every(id => nodes.some(({ peerId }) => peerId === id))
    )

    return [
      { metric: 'nodes', value: nodes.length, unit: '' },
      { metric: 'start', value: startedMs - beganMs, unit: 'ms' },
      { metric: 'everyone known', value: knownMs - startedMs, unit: 'ms' },
      { metric: 'ask another', value: (askedMs - knownMs) / nodes.length, unit: 'ms' }
    ]
  }
}

const known = (node: LumosNode): number =>
  new Set(node.models().flatMap(({ providers }) => providers.map(({ peerId }) => peerId))).size

async function untilKnows(node: LumosNode, count: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const check = () => {
      if (known(node) < count) return
      node.events.removeEventListener('manifest.updated', check)
      resolve()
    }
    signal.addEventListener('abort', () => reject(new Error(`${node.name} knows ${known(node)} of ${count}`)))
    node.events.addEventListener('manifest.updated', check)
    check()
  })
}

async function ask(asker: LumosNode, other: LumosNode, words: string): Promise<string> {
  const request = { model: 'echo', input: { messages: [{ role: 'user', content: words }] } }
  let answer = ''
  for await (const chunk of asker.infer(request, { peer: other.peerId })) {
    if (chunk.type === 'text') answer += chunk.text
  }
  return answer
}
