/** Power fails: every process ends at once and without a word, and begins again. */

import { rm } from 'node:fs/promises'
import { ASKER, meet, type Node, pair, startOn } from '../node.ts'
import { ask } from '../questions.ts'
import type { LabScenario } from '../scenario.ts'
import { temporaryHome } from '../system.ts'

const ROUNDS = 4
const BACK_MS_MAX = 15_000
const NAMES = ['den', 'attic', 'cellar'] as const

export const powerCut: LabScenario = {
  name: 'power-cut',
  question: 'After a power cut, is the mesh what it was, without anybody doing anything?',
  setup: `One switch, three devices, all killed (SIGKILL) at once while they talk, and started again, ${ROUNDS} times.`,

  async run(lab, findings) {
    const lan = await lab.lan()
    const devices = await Promise.all(NAMES.map(async name => [name, await lan.device(name)] as const))
    const homes = new Map(await Promise.all(NAMES.map(async name => [name, await temporaryHome()] as const)))
    const startAll = async () =>
      Promise.all(
        devices.map(([name, device]) =>
          startOn(device, name, { home: homes.get(name), args: ['--echo'], env: ASKER })
        )
      )
    let before: string[] | undefined

    for (let round = 0; round < ROUNDS; round++) {
      const nodes = await startAll()
      try {
        const [den, attic, cellar] = nodes as [Node, Node, Node]
        if (before === undefined) await pair(den, attic, cellar)
        const when = before === undefined ? 'first' : `after cut ${round}`
        await findings.within(`everyone knows everyone, ${when}`, BACK_MS_MAX, () =>
          Promise.all([meet(den, attic), meet(den, cellar), meet(attic, cellar)])
        )
        const members = await membersOf(den)
        findings.check(
          `members and identities are the same, ${when}`,
          `${before ?? members}` === `${members}`
        )
        before = members
        const asking = [
          ask(attic, { peer: 'cellar' }),
          ask(cellar, { peer: 'den' }),
          ask(den, { peer: 'attic' })
        ]
        findings.check(
          `each answers, ${when}`,
          (await Promise.all(asking)).every(({ route }) => route === 'remote')
        )
        // The cut comes while they write: invitations and questions under way.
        void Promise.allSettled([ask(attic), den.client.execute('mesh.invite'), ask(cellar)])
      } finally {
        await Promise.all(nodes.map(node => node.end('SIGKILL')))
      }
    }
    await Promise.all([...homes.values()].map(home => rm(home, { recursive: true })))
  }
}

async function membersOf({ client }: Node): Promise<string[]> {
  const { data } = await client.execute<{ items: { peerId: string; name: string }[] }>('mesh.members')
  return data.items.map(({ peer_id, name }) => `${name} ${peer_id}`).sort()
}
