/** The same work on ever worse links, from a good Wi-Fi to one that nobody should call a link. */

import { PRESETS, type PresetName } from '../../sim/network/presets.ts'
import type { Lab } from '../lab.ts'
import { ASKER, holds, meet, type Node, pair, startOn } from '../node.ts'
import { ask, type Streamed, stream } from '../questions.ts'
import { type Findings, type LabScenario, orNotRun } from '../scenario.ts'

const RUNGS = [
  'good-wifi',
  '4g',
  'poor-wifi',
  'weak-4g',
  'satellite',
  'barely-usable'
] as const satisfies PresetName[]
/** As iroh's ladder allows: 20 s, and 10 s more for each rung (iroh/tests/patchbay/degrade.rs). */
const limitMs = (rung: number): number => 20_000 + 10_000 * rung
const QUESTIONS = 20
/** On a link that loses one packet in eight, for seconds on end, a connection may be lost, and what was under way. */
const ANSWERED_MIN = 18
const STREAMS_MAX = 3
const WORDS = 200

export const linkLadder: LabScenario = {
  name: 'link-ladder',
  question: 'How bad may a link be until joining, finding, asking and streaming fail?',
  setup: `One switch, two devices, one of them behind the link. Each rung: join by code, both manifests, ${QUESTIONS} small questions, one stream of ${WORDS} words.`,
  rungs: RUNGS,

  async run(lab, findings, rungs) {
    for (const rung of rungs) await climb(lab, findings, rung as PresetName)
  }
}

async function climb(lab: Lab, findings: Findings, rung: PresetName): Promise<void> {
  const level = Math.max((RUNGS as readonly PresetName[]).indexOf(rung), 0)
  const withinMs = limitMs(level)
  const lan = await lab.lan()
  const device = await lan.device(`asker${level}`)
  findings.rung = rung
  findings.emulator = await orNotRun(device.link(PRESETS[rung]))
  await using server = await startOn(await lan.device(`server${level}`), 'server', {
    args: ['--echo'],
    env: ASKER
  })
  await using asker = await startOn(device, 'asker', { env: ASKER })

  let attempts = 0
  await findings.within('joined by code', withinMs, async ms => {
    const endMs = performance.now() + ms
    for (;;) {
      attempts++
      try {
        return await pair(server, asker)
      } catch (err) {
        // Whoever is turned away by such a link tries again.
        if (performance.now() > endMs) throw err
      }
    }
  })
  findings.figure('attempts to join', attempts, '')
  await findings.within('both manifests are held', withinMs, ms => meet(asker, server, ms))

  await askOften(asker, server, findings, withinMs)

  let streamed: Streamed | undefined
  let begun = 0
  do {
    await holds(asker, server, withinMs).catch(() => {})
    streamed = await stream(asker, WORDS, undefined, { timeoutMs: withinMs })
    begun++
  } while (!streamed.whole && begun < STREAMS_MAX)
  findings.check('a stream is whole', streamed.whole, streamed.failure?.message ?? `${streamed.chunks} words`)
  findings.figure('streams begun', begun, '')
  findings.figure('stream, first word', streamed.firstMs, 'ms')
  findings.figure('stream, last word', streamed.tookMs, 'ms')
}

/** One after the other; when the connection was lost, once it is back. */
async function askOften(asker: Node, server: Node, findings: Findings, withinMs: number): Promise<void> {
  const tookMs: number[] = []
  let failure: string | undefined
  for (let i = 0; i < QUESTIONS; i++) {
    const beganMs = performance.now()
    try {
      await ask(asker, { timeoutMs: withinMs })
      tookMs.push(performance.now() - beganMs)
    } catch (err) {
      failure = (err as Error).message
      await holds(asker, server, withinMs).catch(() => {})
    }
  }
  tookMs.sort((a, b) => a - b)
  const answered = tookMs.length
  findings.check(
    `${ANSWERED_MIN} of ${QUESTIONS} questions are answered`,
    answered >= ANSWERED_MIN,
    failure === undefined ? `${answered}` : `${answered}; ${failure}`
  )
  findings.figure('questions answered', answered, '')
  findings.figure('a question, median', tookMs[answered >> 1] ?? Number.NaN, 'ms')
  findings.figure('a question, slowest', tookMs.at(-1) ?? Number.NaN, 'ms')
}
