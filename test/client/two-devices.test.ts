/** A graph of LangGraph that is begun on one device, and goes on at another one. */

import { rm } from 'node:fs/promises'
import { Annotation, Command, END, interrupt, START, StateGraph } from '@langchain/langgraph'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LumosSaver } from '../../client/langgraph/index.ts'
import type { LumosNode } from '../../interface/node.ts'
import { meets, startNode, temporaryHome } from '../node/mesh-nodes.ts'
import { serve } from './served-node.ts'

type Device = Awaited<ReturnType<typeof startDevice>>

/** Longer than two envelopes. */
const REPORT = `${'ä'.repeat(200_000)}\n${'"x"'.repeat(100_000)}`

async function startDevice(name: string, home: string, others: readonly LumosNode[] = []) {
  const node = await startNode(name, others, { home })
  const served = await serve(node)
  return {
    node,
    ...served,
    async [Symbol.asyncDispose]() {
      await served[Symbol.asyncDispose]()
      await node[Symbol.asyncDispose]()
    }
  }
}

const State = Annotation.Root({
  report: Annotation<string>,
  said: Annotation<string[]>({ reducer: (a, b) => a.concat(b), default: () => [] })
})

/** Another instance of one program on each device. */
const graphOn = ({ home }: Device, space: string) =>
  new StateGraph(State)
    .addNode('write', () => ({ report: REPORT, said: ['written'] }))
    .addNode('ask', () => ({ said: [`answered ${interrupt('may it be sent?')}`] }))
    .addNode('send', () => ({ said: ['sent'] }))
    .addEdge(START, 'write')
    .addEdge('write', 'ask')
    .addEdge('ask', 'send')
    .addEdge('send', END)
    .compile({ checkpointer: new LumosSaver({ space, home }) })

const inThread = (thread_id: string) => ({ configurable: { thread_id } })

async function inStep({ node: one }: Device, { node: other }: Device, space: string): Promise<void> {
  for (;;) {
    const held = (await other.memory.spaces()).find(({ id }) => id === space)
    if (held?.hash === (await one.memory.space(space)).hash) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

let den: Device
let attic: Device
let homes: readonly [string, string]
let space: string

beforeAll(async () => {
  homes = [await temporaryHome(), await temporaryHome()]
  den = await startDevice('den', homes[0])
  attic = await startDevice('attic', homes[1], [den.node])
  await Promise.all([meets(attic.node, den.node), meets(den.node, attic.node)])
  space = (await den.node.memory.create('agents')).id
  await den.node.memory.share(space, { peerId: attic.node.peerId }, 'write')
})
afterAll(async () => {
  await attic[Symbol.asyncDispose]()
  await den[Symbol.asyncDispose]()
  for (const home of homes) await rm(home, { recursive: true, force: true })
})

describe('a thread in a space', () => {
  it('waits for a person on one device, and is answered on another one', async () => {
    const thread = inThread('letter')
    await graphOn(den, space).invoke({ said: ['begun'] }, thread)
    await inStep(den, attic, space)

    const graph = graphOn(attic, space)
    const { next, tasks } = await graph.getState(thread)
    expect(next).toEqual(['ask'])
    expect(tasks.flatMap(({ interrupts }) => interrupts.map(({ value }) => value))).toEqual([
      'may it be sent?'
    ])
    await graph.invoke(new Command({ resume: 'yes' }), thread)
    await inStep(den, attic, space)

    const { values } = await graphOn(den, space).getState(thread)
    expect(values.said).toEqual(['begun', 'written', 'answered yes', 'sent'])
    expect(values.report === REPORT).toBe(true)
  }, 60_000)

  it('that two devices continue apart has both branches on both', async () => {
    const thread = inThread('apart')
    await graphOn(den, space).invoke({ said: [] }, thread)
    await inStep(den, attic, space)
    await attic[Symbol.asyncDispose]()
    await graphOn(den, space).invoke(new Command({ resume: 'yes' }), thread)
    await den[Symbol.asyncDispose]()
    attic = await startDevice('attic', homes[1])
    await graphOn(attic, space).invoke(new Command({ resume: 'no' }), thread)
    den = await startDevice('den', homes[0], [attic.node])
    await inStep(den, attic, space)

    const ends = async (device: Device) => {
      const found: string[] = []
      for await (const { next, values } of graphOn(device, space).getStateHistory(thread))
        if (next.length === 0) found.push(values.said.join(', '))
      return found
    }
    // The one that was said last comes first.
    const both = ['written, answered no, sent', 'written, answered yes, sent']
    expect(await ends(den)).toEqual(both)
    expect(await ends(attic)).toEqual(both)
    expect((await graphOn(den, space).getState(thread)).values.said).toContain('answered no')
  }, 60_000)
})
