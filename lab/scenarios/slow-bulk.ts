/** Much to carry over a link that is slow, and nothing worse. */

import { PRESETS } from '../../sim/network/presets.ts'
import { ASKER, meet, pair, startOn } from '../node.ts'
import { ask, stream } from '../questions.ts'
import { type LabScenario, orNotRun } from '../scenario.ts'

/** Twice the slowest link that frames are patient with (`FRAME_BYTES_PER_MS_MIN`). */
const BYTES_PER_SECOND = 32 * 1024
/** With its framing about a megabyte there and back: over half a minute, longer than any ping is waited for. */
const WORDS = 40_000
const ANSWERED_MS_MAX = 110_000
/** Behind what is under way. */
const ASKED_BESIDE_MS_MAX = 60_000

export const slowBulk: LabScenario = {
  name: 'slow-bulk',
  question:
    'Does a large answer come whole over a slow link, or is a connection that is only slow taken for dead?',
  setup: `One switch, two devices, one behind a link of ${BYTES_PER_SECOND / 1024} KiB/s. A long text is sent and echoed, a small question asked beside.`,

  async run(lab, findings) {
    const lan = await lab.lan()
    const device = await lan.device('server')
    const model = {
      ...PRESETS['good-wifi'],
      lossRate: 0,
      bytesPerSecond: BYTES_PER_SECOND,
      queueBytes: 16 * 1024
    }
    findings.emulator = await orNotRun(device.link(model))
    await using server = await startOn(device, 'server', { args: ['--echo'], env: ASKER })
    await using asker = await startOn(await lan.device('asker'), 'asker', { env: ASKER })
    await pair(server, asker)
    await meet(asker, server)

    const begun = Promise.withResolvers<void>()
    const answer = stream(asker, WORDS, () => begun.resolve())
    await Promise.all([
      findings.within('the large answer came whole', ANSWERED_MS_MAX, async () => {
        const { whole, chunks, failure } = await answer
        if (!whole) throw new Error(`${failure?.message} (${chunks} of ${WORDS} words)`)
      }),
      findings.within('a small question beside it is answered', ASKED_BESIDE_MS_MAX, async () => {
        await Promise.race([begun.promise, answer])
        await ask(asker)
      })
    ])
    findings.check('nobody was lost', (await asker.peers()).includes(server.peerId))
  }
}
