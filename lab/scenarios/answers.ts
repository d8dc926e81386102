/** Whoever gives an answer dies, before it has begun and in the middle of it. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { RankedPeer } from '../../interface/routing.ts'
import type { Device } from '../device.ts'
import { PACED_MODEL, pacedText } from '../model-server.ts'
import { ASKER, meet, type Node, pair, startOn } from '../node.ts'
import { ask, stream, streamHeld } from '../questions.ts'
import type { LabScenario } from '../scenario.ts'
import { unreadBytes } from '../sockets.ts'

const FAILED_OVER_MS_MAX = 5000
/** So much that it can be seen to lie unread. */
const WORDS = 15_000
/** A peer that only falls silent is given three pings: 15 s. */
const SILENCE_NOTICED_MS_MAX = 20_000
/** An answer of four seconds. */
const PACED_WORDS = 200
const WORD_MS = 20
/** A device is silent after 750 ms; another one then begins within the time of a first chunk. */
const GAP_MS_MAX = 1500

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

export const swallowedMidAnswer: LabScenario = {
  name: 'swallowed-mid-answer',
  question:
    'Does an answer go on where all packets of its device vanish in the middle of it, and after what pause?',
  setup:
    'One switch, an asker and two whose server of models writes a word each 20 ms. Blackhole routes swallow what the one that answers and the asker send each other.',

  async run(lab, findings) {
    const lan = await lab.lan()
    const devices = { one: await lan.device('one'), other: await lan.device('other') }
    await using _one = await pacedServer(devices.one)
    await using _other = await pacedServer(devices.other)
    await using one = await startOn(devices.one, 'one', { env: ASKER })
    await using other = await startOn(devices.other, 'other', { env: ASKER })
    const desk = await lan.device('asker')
    await using asker = await startOn(desk, 'asker', { env: ASKER })
    await pair(asker, one, other)
    await Promise.all([meet(asker, one), meet(asker, other)])
    for (const { name: peer } of [one, other]) await paced(asker, { peer })

    const options = { policy: 'fastest' }
    const { data } = await asker.client.execute<{ items: RankedPeer[] }>(
      'inference.explain',
      { model: PACED_MODEL },
      options
    )
    const device = data.items[0]!.peer_id === one.peerId ? devices.one : devices.other
    const { text, gapMs, ways } = await paced(asker, options, async () => {
      await Promise.all([device.blackhole(desk), desk.blackhole(device)])
    })
    findings.figure('the longest pause', gapMs, 'ms')
    findings.check('the answer is whole, each word once', text === pacedText(PACED_WORDS))
    findings.check('it went on from the other device', ways.length === 1, ways.join())
    findings.check(`no pause is longer than ${GAP_MS_MAX} ms`, gapMs <= GAP_MS_MAX, `${Math.round(gapMs)} ms`)
  }
}

/** One answer, in the middle of which `act` is called; with the longest pause after that, and how it went on. */
async function paced(node: Node, options: object, act: () => Promise<unknown> = async () => {}) {
  const input = { messages: [{ role: 'user', content: 'count' }] }
  let text = ''
  let pieces = 0
  let lastMs = performance.now()
  let gapMs = 0
  const ways: string[] = []
  for await (const chunk of node.client.stream('inference.run', { model: PACED_MODEL, input }, options)) {
    const piece = chunk as { type: string; text?: string; continued?: string }
    if (piece.type === 'progress' && piece.continued !== undefined) ways.push(piece.continued)
    if (piece.text === undefined) continue
    const nowMs = performance.now()
    if (pieces > PACED_WORDS / 4) gapMs = Math.max(gapMs, nowMs - lastMs)
    lastMs = nowMs
    text += piece.text
    if (++pieces === PACED_WORDS / 4) await act()
  }
  return { text, gapMs, ways }
}

async function pacedServer(device: Device): Promise<AsyncDisposable> {
  const program = fileURLToPath(new URL('../model-server.ts', import.meta.url))
  const [command, ...args] = [...device.through, process.execPath, program, `${PACED_WORDS}`, `${WORD_MS}`]
  const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
    }
  }
}
