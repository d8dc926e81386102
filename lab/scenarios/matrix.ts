/** Each kind of network that people have, and whether two devices find each other there. */

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lab } from '../lab.ts'
import { NETWORK_KINDS, type NetworkKind } from '../network-kinds.ts'
import { ASKER, meet, type Node, pair, startOn } from '../node.ts'
import { ask } from '../questions.ts'
import { type Findings, type LabScenario, NotRun } from '../scenario.ts'
import { temporaryHome } from '../system.ts'

/** A person who waits longer looks for what is wrong. */
const FOUND_MS_MAX = 3000
/** A dead connection is doubted first, and without multicast the next dial is waited for. */
const AGAIN_MS_MAX = 10_000
const SAID_MS_MAX = 10_000
const ECHO = { args: ['--echo'], env: ASKER }

export const matrix: LabScenario = {
  name: 'matrix',
  question: 'On which networks do two devices find each other, join, answer, and meet again after a restart?',
  setup: `Two devices on each network: ${NETWORK_KINDS.map(({ name }) => name).join(', ')}.`,
  rungs: NETWORK_KINDS.map(({ name }) => name),

  async run(lab, findings, rungs) {
    for (const [i, kind] of NETWORK_KINDS.entries()) {
      if (!rungs.includes(kind.name)) continue
      findings.rung = kind.name
      try {
        await row(lab, findings, kind, i)
      } catch (err) {
        if (!(err instanceof NotRun) || rungs.length === 1) throw err
        findings.say(`not run: ${err.message}`)
      }
    }
  }
}

async function row(lab: Lab, findings: Findings, kind: NetworkKind, i: number): Promise<void> {
  const [one, other] = await kind.build(lab, [`one${i}`, `other${i}`])
  const home = await temporaryHome()
  await using _removed = { [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }) }
  await using a = await startOn(one, 'a', ECHO)
  {
    await using b = await startOn(other, 'b', { ...ECHO, home })
    await kind.afterStart?.(one, other)
    if (!kind.isRouted) await findings.within('first contact', FOUND_MS_MAX, ms => sights(b, a, ms))
    await findings.within('joining by code', FOUND_MS_MAX, () => pair(a, b))
    await findings.within('both manifests are held', FOUND_MS_MAX, ms => meet(a, b, ms))
    await findings.within('asking', FOUND_MS_MAX, () => askBothWays(a, b))
    if (kind.interrupts !== undefined) {
      await kind.interrupts([one, other], [a, b], lab)
      await findings.within('return', AGAIN_MS_MAX, ms => answersAgain(a, b, ms))
      return
    }
    await b.end('SIGTERM')
  }
  // Where addresses are remembered; without it discovery alone is left.
  for (const file of ['cache.db', 'cache.db-wal', 'cache.db-shm']) await rm(join(home, file), { force: true })
  await kind.beforeReturn?.(one, other)
  const block = await kind.block?.(other)
  {
    await using b = await startOn(other, 'b', { ...ECHO, home })
    if (kind.says === undefined) {
      const limitMs = kind.isRouted ? AGAIN_MS_MAX : FOUND_MS_MAX
      await findings.within('return', limitMs, ms => meet(a, b, ms))
    } else {
      if (block !== undefined) findings.check('start says so', b.ready.warnings?.length === 1)
      await findings.within(`doctor says ${kind.says}`, SAID_MS_MAX, ms => says(b, kind.says!, ms))
      await block?.[Symbol.asyncDispose]()
      if (block !== undefined)
        await findings.within('found when it is mended', FOUND_MS_MAX, ms => meet(a, b, ms))
    }
  }
}

async function askBothWays(a: Node, b: Node): Promise<void> {
  await ask(a, { peer: 'b' })
  await ask(b, { peer: 'a' })
}

/** A connection that is dead is still listed for a while, so only an answer shows that they are back. */
async function answersAgain(a: Node, b: Node, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const failure = await meet(a, b, withinMs)
      .then(() => askBothWays(a, b))
      .then(
        () => undefined,
        err => err as Error
      )
    if (failure === undefined) return
    if (performance.now() > deadline) throw failure
  }
}

const sights = (node: Node, other: Node, withinMs: number): Promise<number> =>
  node.until(
    `sights ${other.name}`,
    async () => {
      const { data } = await node.client.execute<{ items: { devices: string[] }[] }>('mesh.nearby')
      return data.items.some(({ devices }) => devices.includes(other.peerId))
    },
    withinMs
  )

/** Asks until it says so and exits with a failure: no event of a node says that a dial failed. */
async function says(node: Node, sentence: RegExp, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const { stdout, code } = await node.cli('doctor')
    if (sentence.test(stdout) && code === 1) return
    if (performance.now() > deadline) throw new Error(stdout)
  }
}
