/** The first promise: two devices on one LAN need nothing but to be started. */

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ASKER, loses, meet, pair, startOn } from '../node.ts'
import { readDigit } from '../questions.ts'
import type { LabScenario } from '../scenario.ts'
import { temporaryHome } from '../system.ts'

/** On any machine, however busy; `test/lan` holds twenty starts, and the stop, to one second. */
const FOUND_MS_MAX = 5000
const GONE_MS_MAX = 5000

export const sameLan: LabScenario = {
  name: 'same-lan',
  question: 'Do two members on one LAN find each other by mDNS, answer each other, and miss each other soon?',
  setup: 'One switch, two devices. The second is started with no address known, killed, started, stopped.',

  async run(lab, findings) {
    const lan = await lab.lan()
    await using asker = await startOn(await lan.device('asker'), 'asker', { env: ASKER })
    const device = await lan.device('server')
    const home = await temporaryHome()
    {
      await using server = await startOn(device, 'server', { home })
      await pair(asker, server)
      await server.end('SIGTERM')
    }

    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      // Where addresses are remembered; without it only mDNS is left.
      for (const file of ['cache.db', 'cache.db-wal', 'cache.db-shm']) {
        await rm(join(home, file), { force: true })
      }
      await using server = await startOn(device, 'server', { home })
      await findings.within(`both manifests are held after Ready (${signal} follows)`, FOUND_MS_MAX, () =>
        meet(asker, server)
      )
      const { label, meta } = await readDigit(asker)
      findings.check('a picture is read by the other device', label === '7' && meta.peer === server.peerId)
      const ended = server.end(signal)
      await findings.within(`gone after ${signal}`, GONE_MS_MAX, () => loses(asker, server))
      await ended
    }
    await rm(home, { recursive: true })
  }
}
