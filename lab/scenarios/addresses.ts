/** Which addresses of a device are told, and in which order they are dialed. */

import { addBridges } from '../network-faults.ts'
import { ASKER, meet, type Node, pair, startOn } from '../node.ts'
import { ask } from '../questions.ts'
import type { Findings, LabScenario } from '../scenario.ts'

const JOINED_MS_MAX = 3000
const MOVED_MS_MAX = 10_000
/** Of one question. */
const ASKED_MS_MAX = 2000
const BACK_MS_MAX = 10_000

/** No multicast: what is not told is not found. */
const ALONE = { args: ['--echo', '--no-mdns'], env: ASKER }

export const addresses: LabScenario = {
  name: 'addresses',
  question: 'Is a device reached by its code alone, behind bridges, at a public address, and at a new one?',
  setup:
    'A LAN of 192.168 and one of public numbers, no mDNS. One device has 7 bridges and changes its address.',

  async run(lab, findings) {
    const [home, hall] = [await lab.lan('192.168.77'), await lab.lan('51.75.9')]
    const host = await home.device('host')
    await addBridges(host, 7)
    await using server = await startOn(host, 'server', ALONE)
    await using laptop = await startOn(await home.device('laptop'), 'laptop', ALONE)
    await joins(findings, 'joined behind seven bridges', server, laptop)

    await host.readdress('192.168.77.77')
    await findings.within('answered from the new address', MOVED_MS_MAX, ms => answered(laptop, 'server', ms))

    await using cloud = await startOn(await hall.device('cloud'), 'cloud', ALONE)
    const device = await hall.device('visitor')
    await using visitor = await startOn(device, 'visitor', ALONE)
    await joins(findings, 'joined at a public address', cloud, visitor)
    await device.unplug()
    await cloud.until('misses the visitor', async () => !(await cloud.peers()).includes(visitor.peerId))
    await device.plugIn()
    await findings.within('back by what it remembers', BACK_MS_MAX, ms => meet(cloud, visitor, ms))
  }
}

async function joins(findings: Findings, promise: string, inviter: Node, joiner: Node): Promise<void> {
  await findings.within(promise, JOINED_MS_MAX, () => pair(inviter, joiner))
  await meet(inviter, joiner)
}

/** Asks until an answer comes. */
async function answered(node: Node, peer: string, withinMs: number): Promise<void> {
  const endMs = performance.now() + withinMs
  while (performance.now() < endMs) {
    const meta = await ask(node, { peer, timeoutMs: ASKED_MS_MAX }).catch(() => undefined)
    if (meta !== undefined) return
  }
}
