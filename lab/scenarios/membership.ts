/** Who was let in, and who is removed. */

import { ASKER, loses, meet, pair, startOn } from '../node.ts'
import { ask, streamHeld } from '../questions.ts'
import type { LabScenario } from '../scenario.ts'

const CUT_OFF_MS_MAX = 5000

export const revoked: LabScenario = {
  name: 'revoked',
  question: 'Is a device that was removed cut off everywhere within 5 s, in the middle of an answer too?',
  setup: 'One switch, three devices. One streams an answer from another while the third removes it.',

  async run(lab, findings) {
    const lan = await lab.lan()
    await using den = await startOn(await lan.device('den'), 'den', { env: ASKER })
    await using attic = await startOn(await lan.device('attic'), 'attic', { args: ['--echo'], env: ASKER })
    await using cellar = await startOn(await lan.device('cellar'), 'cellar', { env: ASKER })
    await pair(den, attic, cellar)
    await Promise.all([meet(den, attic), meet(den, cellar), meet(attic, cellar)])
    await ask(cellar)

    const { goOn, answer } = await streamHeld(cellar)
    await findings.within('removed from every table', CUT_OFF_MS_MAX, async () => {
      await den.client.execute('mesh.revoke', { peer: 'cellar' })
      await Promise.all([loses(den, cellar), loses(attic, cellar)])
    })
    goOn()
    const { chunks, failure } = await answer
    findings.check('its answer was cut', failure !== undefined, `${chunks} words came`)
    const refused = await ask(cellar).then(
      () => undefined,
      err => err.code as string
    )
    findings.check('it is answered no more', refused !== undefined, refused)
    findings.check('the others still answer each other', (await ask(den)).peer === attic.peerId)
  }
}
