/** The links of the lab: their delays are timed, so nothing else runs beside this. */

import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import { Lab } from '../../lab/lab.ts'
import { netem } from '../../lab/link.ts'
import { PERFECT } from '../../sim/network/link-model.ts'
import { PRESETS } from '../../sim/network/presets.ts'
import { describeOnLan } from '../lan/lan.ts'
import { carried, DATAGRAMS, echoes } from './echoes.ts'

describeOnLan('a device of the lab', () => {
  it('meets the delay and the loss of its link, in packets that really are late and lost', async ({
    skip
  }) => {
    await using lab = await Lab.create()
    const lan = await lab.lan()
    const [near, far] = [await lan.device('near'), await lan.device('far')]
    carried(await echoes(near, far))

    const link = near.link({ ...PERFECT, delay: { distribution: 'constant', ms: 40 }, lossRate: 0.3 })
    const failure = await link.then(
      () => undefined,
      err => (err as Error).message
    )
    if (failure !== undefined) {
      console.warn(`Not run: "links that are late and lose" needs what this machine lacks: ${failure}`)
      return skip(failure)
    }
    const { received, fastestMs } = await echoes(near, far)
    // A timer may fire a part of a millisecond early, at each end.
    assert.ok(fastestMs >= 78, `${fastestMs} ms there and back`)
    // Both ways come through with 0.49; these bounds are seven standard deviations away.
    assert.ok(received > 0.24 * DATAGRAMS && received < 0.74 * DATAGRAMS, `${received} came back`)
  })
})

describe('the links of netem', () => {
  it('are told to tc with the figures of the preset', () => {
    assert.equal(
      netem('eth0', PRESETS['weak-4g']),
      'qdisc replace dev eth0 root netem limit 182 delay 60ms 19.5ms distribution normal ' +
        'loss gemodel 0.4082% 20.0000% rate 8000000bit'
    )
    assert.equal(
      netem('eth0', PRESETS.lan),
      'qdisc replace dev eth0 root netem limit 16534 delay 0.25ms 0ms rate 1000000000bit'
    )
  })
})
