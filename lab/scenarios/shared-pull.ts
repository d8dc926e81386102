/** Devices that want the same model of the internet at the same time. */

import type { Pulled } from '../../interface/weights.ts'
import { meet, type Node, pair } from '../node.ts'
import type { LabScenario } from '../scenario.ts'
import { beginPull, type Pull, startOrigin, startPuller } from '../weights.ts'

const MEBIBYTE = 1024 * 1024
const MODEL_BYTES = 24 * MEBIBYTE
/** Three seconds for all of it, so that there is a half. */
const BYTES_PER_SECOND = 8 * MEBIBYTE
const NAMES = ['den', 'attic', 'cellar', 'barn', 'shed'] as const
const ORIGIN_SHARE_MAX = 1.05
const ORIGIN_SHARE_AFTER_KILL_MAX = 1.6

export const sharedPull: LabScenario = {
  name: 'shared-pull',
  question:
    'Does a model come from the internet once when five devices pull it, also when the downloading one dies?',
  setup: `One switch, five devices that pull a model of ${MODEL_BYTES / MEBIBYTE} MiB at once, and an origin that counts; then again, and the device that downloads is killed (SIGKILL) at half.`,

  async run(lab, findings) {
    const lan = await lab.lan()
    const devices = await Promise.all(NAMES.map(name => lan.device(name)))
    const files = { 'config.json': 2, 'model.bin': MODEL_BYTES }
    for (const kills of [false, true]) {
      const when = kills ? 'with a kill' : 'without a kill'
      await using origin = await startOrigin(await lan.device(kills ? 'hub2' : 'hub'), {
        ...{ files, bytesPerSecond: BYTES_PER_SECOND }
      })
      await using stack = new AsyncDisposableStack()
      const nodes = await Promise.all(
        NAMES.map(async (name, n) => stack.use(await startPuller(devices[n]!, name, origin)))
      )
      await together(nodes)
      const pulls = await Promise.all(nodes.map(node => beginPull(node)))
      let left = pulls
      if (kills) {
        await Promise.all(pulls.map(pull => pull.has(MODEL_BYTES / 2)))
        const claimer = await mostOf(pulls, origin.url)
        await nodes[claimer]!.end('SIGKILL')
        left = pulls.toSpliced(claimer, 1)
      }
      const pulled = await Promise.allSettled(left.map(pull => pull.ended()))
      const done = pulled.flatMap(result => (result.status === 'fulfilled' ? result.value : []))
      const cids = new Set(done.map(({ cid }) => cid))
      findings.check(
        `${left.length} devices have all of it, ${when}`,
        done.length === left.length && cids.size === 1,
        pulled
          .map(result => (result.status === 'fulfilled' ? shown(result.value) : `${result.reason}`))
          .join('; ')
      )
      const share = origin.sent() / MODEL_BYTES
      const shareMax = kills ? ORIGIN_SHARE_AFTER_KILL_MAX : ORIGIN_SHARE_MAX
      findings.figure(`sent by the origin, ${when}`, share, 'models')
      findings.check(`the origin sent at most ${shareMax} models, ${when}`, share <= shareMax, `${share}`)
    }
  }
}

async function together([first, ...others]: readonly Node[]): Promise<void> {
  await pair(first!, ...others)
  const all = [first!, ...others]
  await Promise.all(all.flatMap((one, n) => all.slice(n + 1).map(other => meet(one, other))))
}

/** The one that has the most of the origin. */
async function mostOf(pulls: readonly Pull[], url: string): Promise<number> {
  const { host } = new URL(url)
  const amounts = await Promise.all(
    pulls.map(async pull => {
      const { progress } = await pull.show()
      return progress?.sources?.find(({ from }) => from === host)?.amount ?? 0
    })
  )
  return amounts.indexOf(Math.max(...amounts))
}

const shown = ({ sources }: Pulled): string =>
  sources.map(({ from, bytes }) => `${from.slice(-8)} ${(bytes / MEBIBYTE).toFixed(1)}`).join(', ')
