/** Whoever gives an answer dies, before it has begun and in the middle of it. */

import type { RankedPeer } from '../../interface/routing.ts'
import { ASKER, meet, pair, startOn } from '../node.ts'
import { ask, stream, streamHeld } from '../questions.ts'
import type { LabScenario } from '../scenario.ts'
import { unreadBytes } from '../sockets.ts'

const FAILED_OVER_MS_MAX = 5000
/** So much that it can be seen to lie unread. */
const WORDS = 15_000
/** A peer that only falls silent is given three pings: 15 s. */
const SILENCE_NOTICED_MS_MAX = 20_000

export const failOver: LabScenario = {
  name: 'fail-over',
  question:
    'Is a question answered by another device when the one that was asked dies before its first word?',
  setup: 'One switch, an asker and two that answer. The one that was asked stands still, then is killed.',

  async run(lab, findings) {
    const lan = await lab.lan()
    const answering = { args: ['--echo'], env: ASKER }
    await using one = await startOn(await lan.device('one'), 'one', answering)
    await using other = await startOn(await lan.device('other'), 'other', answering)
    await using asker = await startOn(await lan.device('asker'), 'asker', { env: ASKER })
    await pair(asker, one, other)
    await Promise.all([meet(asker, one), meet(asker, other)])
    await ask(asker)
    const { data } = await asker.client.execute<{ items: RankedPeer[] }>('inference.explain', {
      model: 'echo'
    })
    const [first, second] = data.items[0]!.peer_id === one.peerId ? [one, other] : [other, one]

    first.signal('SIGSTOP')
    const answer = stream(asker, WORDS)
    await unreadBytes(WORDS, first.pid)
    await findings.within('answered whole after the kill', FAILED_OVER_MS_MAX, async () => {
      await first.end('SIGKILL')
      const { whole, failure } = await answer
      if (!whole) throw failure ?? new Error('words are missing')
    })
    findings.check('later questions too', (await ask(asker)).peer === second.peerId)
  }
}

export const unpluggedMidAnswer: LabScenario = {
  name: 'unplugged-mid-answer',
  question:
    'What does somebody see whose answer stops because a cable was pulled, and is the next question answered?',
  setup: 'One switch, an asker and two that answer; the one that streams loses its cable.',

  async run(lab, findings) {
    const lan = await lab.lan()
    const answering = { args: ['--echo'], env: ASKER }
    const device = await lan.device('one')
    await using one = await startOn(device, 'one', answering)
    await using asker = await startOn(await lan.device('asker'), 'asker', { env: ASKER })
    await pair(asker, one)
    await meet(asker, one)

    const { goOn, answer } = await streamHeld(asker)
    await using other = await startOn(await lan.device('other'), 'other', answering)
    await pair(asker, other)
    await meet(asker, other)
    await device.unplug()
    goOn()
    await findings.within('the silence ends with an error', SILENCE_NOTICED_MS_MAX, () => answer)
    const { chunks, failure } = await answer
    findings.check(
      'the error is STREAM_INTERRUPTED and says how many chunks came',
      failure?.code === 'STREAM_INTERRUPTED' && failure.message.includes(String(chunks)),
      `${failure?.code}: ${failure?.message}`
    )
    await findings.within('the next question is answered by the other', FAILED_OVER_MS_MAX, async () => {
      if ((await ask(asker)).peer !== other.peerId) throw new Error('somebody else answered')
    })
    await device.plugIn()
    await findings.within('back after plugging in', SILENCE_NOTICED_MS_MAX, () => meet(asker, one))
  }
}
