/** More than one LAN: no mDNS between them, routers that fail, and homes that hide their devices. */

import { ASKER, loses, meet, type Node, pair, startOn } from '../node.ts'
import { ask } from '../questions.ts'
import { type LabScenario, orNotRun } from '../scenario.ts'

/** Somebody else tells of a peer, who is then dialed. */
const FOUND_MS_MAX = 30_000
const BACK_MS_MAX = 30_000
const NOTICED_MS_MAX = 20_000
const HEALED_MS_MAX = 30_000
/** A question that nobody can answer must not be left hanging. */
const REFUSED_MS_MAX = 30_000

const ANSWERING = { args: ['--echo'], env: ASKER }

export const twoLans: LabScenario = {
  name: 'two-lans',
  question: 'Do members in two LANs find each other without mDNS between them, by one code alone?',
  setup: 'Two switches, a router, two devices each. The code holds the address of a device in the other LAN.',

  async run(lab, findings) {
    const [near, far] = [await lab.lan(), await lab.lan()]
    await lab.router(near, far)
    const device = await far.device('cellar')
    await using den = await startOn(await near.device('den'), 'den', ANSWERING)
    await using attic = await startOn(await near.device('attic'), 'attic', ANSWERING)
    await using loft = await startOn(await far.device('loft'), 'loft', ANSWERING)
    await using cellar = await startOn(device, 'cellar', ANSWERING)
    await pair(den, attic)
    await meet(den, attic)

    await findings.within('joined by code through the router', FOUND_MS_MAX, () => pair(den, cellar))
    await findings.within('both manifests are held', FOUND_MS_MAX, ms => meet(den, cellar, ms))
    await findings.within('a third one is found that nobody gave an address of', FOUND_MS_MAX, ms =>
      meet(attic, cellar, ms)
    )
    await pair(den, loft)
    await findings.within('everyone knows everyone', FOUND_MS_MAX, ms =>
      Promise.all([meet(den, loft, ms), meet(attic, loft, ms), meet(cellar, loft, ms)])
    )
    findings.check(
      'answered across the router',
      (await ask(attic, { peer: 'cellar' })).peer === cellar.peerId
    )
  }
}

export const partition: LabScenario = {
  name: 'partition',
  question:
    'When the router between two LANs fails, does each go on by itself, and do both agree again after it?',
  setup: 'Two switches, a router, two devices each. The router loses one LAN; a device is removed meanwhile.',

  async run(lab, findings) {
    const [near, far] = [await lab.lan(), await lab.lan()]
    const router = await lab.router(near, far)
    await using den = await startOn(await near.device('den'), 'den', ANSWERING)
    await using attic = await startOn(await near.device('attic'), 'attic', ANSWERING)
    await using cellar = await startOn(await far.device('cellar'), 'cellar', ANSWERING)
    await using loft = await startOn(await far.device('loft'), 'loft', ANSWERING)
    await pair(den, attic, cellar, loft)
    // Who is known by hearsay only is not missed when it is gone, so all are connected first.
    await Promise.all([meet(den, attic), meet(den, cellar), meet(den, loft)])
    await Promise.all([meet(attic, cellar), meet(attic, loft), meet(cellar, loft)])

    await router.cut(far)
    await Promise.all([
      findings.within('a near one misses a far one', NOTICED_MS_MAX, ms => loses(attic, loft, ms)),
      findings.within('a far one misses a near one', NOTICED_MS_MAX, ms => loses(loft, attic, ms)),
      findings.within('the root misses a far one', NOTICED_MS_MAX, ms => loses(den, cellar, ms)),
      findings.within('a far one misses the root', NOTICED_MS_MAX, ms => loses(cellar, den, ms))
    ])
    findings.check('the near side answers', (await ask(attic, { peer: 'den' })).peer === den.peerId)
    findings.check('the far side answers', (await ask(loft, { peer: 'cellar' })).peer === cellar.peerId)
    await den.client.execute('mesh.revoke', { peer: 'loft' })
    findings.check('the far side cannot know who was removed', (await namesOf(cellar)).includes('loft'))

    await router.mend(far)
    await findings.within('both sides have met again', HEALED_MS_MAX, ms =>
      Promise.all([meet(den, cellar, ms), meet(attic, cellar, ms)])
    )
    await findings.within('the removal is known on the far side', HEALED_MS_MAX, ms =>
      loses(cellar, loft, ms)
    )
    findings.check('answered across the router', (await ask(cellar, { peer: 'den' })).peer === den.peerId)
  }
}

export const behindNat: LabScenario = {
  name: 'behind-nat',
  question: 'What works for devices at homes whose router hides them?',
  setup: 'A device that can be reached, and two homes behind address translation with one device each.',

  async run(lab, findings) {
    const [internet, home, office] = [await lab.lan(), await lab.lan(), await lab.lan()]
    const router = await lab.router(internet, home, office)
    findings.translator = await orNotRun(router.hide(home))
    await router.hide(office)
    const device = await home.device('laptop')
    await using cloud = await startOn(await internet.device('cloud'), 'cloud', ANSWERING)
    await using laptop = await startOn(device, 'laptop', ANSWERING)
    await using desk = await startOn(await office.device('desk'), 'desk', ANSWERING)

    await findings.within('joined by code from behind the router', FOUND_MS_MAX, () => pair(cloud, laptop))
    await findings.within('both manifests are held', FOUND_MS_MAX, ms => meet(cloud, laptop, ms))
    await pair(cloud, desk)
    await meet(cloud, desk)
    findings.check('the hidden one asks', (await ask(laptop, { peer: 'cloud' })).peer === cloud.peerId)
    findings.check('the hidden one answers', (await ask(cloud, { peer: 'laptop' })).peer === laptop.peerId)

    const between = ask(laptop, { peer: 'desk', timeoutMs: REFUSED_MS_MAX }).then(
      () => 'answered',
      err => err.code as string
    )
    await findings.within('a question between two homes ends', REFUSED_MS_MAX + 1000, () => between)
    findings.say(`a question between two homes: ${await between}`)

    await router.cut(home)
    await loses(cloud, laptop)
    await router.mend(home)
    await findings.within('back after the home was cut off', BACK_MS_MAX, ms => meet(cloud, laptop, ms))
  }
}

async function namesOf({ client }: Node): Promise<string[]> {
  const { data } = await client.execute<{ items: { name: string }[] }>('mesh.members')
  return data.items.map(({ name }) => name)
}
