/** Devices that fall silent without a word, and come back. */

import { ASKER, holds, loses, meet, pair, startOn } from '../node.ts'
import { ask, streamHeld } from '../questions.ts'
import type { LabScenario } from '../scenario.ts'

/** Idle: a ping every 5 s with 10 s to be answered. */
const NOTICED_MS_MAX = 20_000
const BACK_MS_MAX = 15_000
/** Nobody should be dropped for being busy so long. */
const SHORT_PAUSE_MS = 4000

export const halfOpen: LabScenario = {
  name: 'half-open',
  question:
    'Is a connection that has become half open noticed: within 20 s when idle, and with an answer under way?',
  setup:
    'One switch, two devices. What one sends to the other is swallowed by a blackhole route, then not any more.',

  async run(lab, findings) {
    const lan = await lab.lan()
    const [there, here] = [await lan.device('server'), await lan.device('asker')]
    await using server = await startOn(there, 'server', { args: ['--echo'], env: ASKER })
    await using asker = await startOn(here, 'asker', { env: ASKER })
    await pair(asker, server)
    await meet(asker, server)

    await there.blackhole(here)
    await findings.within('noticed by both when idle', NOTICED_MS_MAX, () =>
      Promise.all([loses(asker, server), loses(server, asker)])
    )
    await there.unblackhole(here)
    await findings.within('back', BACK_MS_MAX, () => meet(asker, server))

    const { goOn, answer } = await streamHeld(asker)
    await there.blackhole(here)
    goOn()
    await findings.within('noticed by the asker with an answer under way', NOTICED_MS_MAX, () => answer)
    const { failure } = await answer
    findings.check('it is told so', failure?.code === 'STREAM_INTERRUPTED', failure?.message)
    await there.unblackhole(here)
    await findings.within('back, and answers', BACK_MS_MAX, async () => {
      await meet(asker, server)
      await ask(asker)
    })
  }
}

export const paused: LabScenario = {
  name: 'paused',
  question:
    'Is a device that stands still for a moment kept, one that stands still for long missed, and is it back when it goes on?',
  setup:
    'One switch, two devices. One process is stopped (SIGSTOP) for 4 s, then until it is missed, and continued.',

  async run(lab, findings) {
    const lan = await lab.lan()
    await using server = await startOn(await lan.device('server'), 'server', { args: ['--echo'], env: ASKER })
    await using asker = await startOn(await lan.device('asker'), 'asker', { env: ASKER })
    await pair(asker, server)
    await meet(asker, server)

    server.signal('SIGSTOP')
    const waiting = ask(asker)
    await new Promise(resolve => setTimeout(resolve, SHORT_PAUSE_MS))
    server.signal('SIGCONT')
    await findings.within(
      'a question asked meanwhile is answered once it goes on',
      BACK_MS_MAX,
      () => waiting
    )
    findings.check('it was not dropped', (await asker.peers()).includes(server.peerId))

    server.signal('SIGSTOP')
    await findings.within('missed when it stands still for long', NOTICED_MS_MAX, () => loses(asker, server))
    server.signal('SIGCONT')
    await findings.within('back when it goes on', BACK_MS_MAX, () => meet(asker, server))
    await holds(asker, server)
    findings.check('it answers again', (await ask(asker)).peer === server.peerId)
  }
}
