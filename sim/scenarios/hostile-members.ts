/** One hostile peer of each kind after the other, each with a certificate of the mesh; then a stranger. */

import { HOSTILE_KINDS, type HostileKind } from '../hostile/kinds.ts'
import { codesOf, Load } from '../load.ts'
import { recover } from '../recovery.ts'
import type { Scenario } from '../scenario.ts'
import type { Stage } from '../stage.ts'
import { knock } from '../stranger.ts'

const HARM = 5
/** Some are shut out before they have done much. */
const HARM_MS = 3000
/** By then a liar must have lost its traffic. */
const CALLS = 20
const SHARE_MAX = 0.1
/** Nobody waits for ever for a peer that claims everything and says nothing. */
const BUDGET_MS = 5000

export const hostileMembers: Scenario = {
  name: 'hostile-members',
  question: 'Do the honest go on as before, whatever a member does that is hostile?',
  nodes: 5,
  configure: index => ({ settings: { 'engines.echo': index > 0 } }),

  async run(stage) {
    await stage.assemble()
    for (const behaviour of HOSTILE_KINDS) if (behaviour !== 'liar') await attacked(stage, behaviour)
    await knock(stage, 1)
    const heard = stage.history.of('received').filter(({ bytes }) => bytes > 0)
    stage.must('a stranger is heard as far as its hello', heard.length > 0)
    const share = await liarsShare(stage)
    await recover(stage, 30_000)
    return [{ metric: `share of a liar after ${CALLS} calls`, value: share * 100, unit: '%' }]
  }
}

/** While it attacks, everyone is answered by everyone; afterwards all are as they were. */
async function attacked(stage: Stage, behaviour: HostileKind): Promise<void> {
  const views = () => new Map(stage.running.map(index => [index, stage.view(index)]))
  const before = views()
  await stage.inflict({ kind: 'hostile', behaviour, by: 0, victims: 'all' })
  const hostile = stage.cluster.hostiles.at(-1)!
  await stage.until('it has attacked', () => hostile.harm >= HARM, HARM_MS).catch(() => {})
  const asked = stage.running.flatMap(index =>
    stage.running
      .filter(other => other !== index && other > 0)
      .map(other => stage.ask(index, { peer: stage.node(other).peerId, budgetMs: 30_000 }))
  )
  const failed = (await Promise.all(asked)).filter(({ code }) => code !== undefined)
  stage.must(`a ${behaviour} keeps nobody from being answered, as ${codesOf(failed)}`, failed.length === 0)
  stage.note(`a ${behaviour} did its harm ${hostile.harm} times`)
  await stage.inflict({ kind: 'calm' })
  for (const [index, view] of views()) {
    stage.observer.add({
      type: 'rejected',
      node: `node-${index}`,
      what: `a ${behaviour}`,
      before: before.get(index)!,
      after: view
    })
  }
}

/** Of the traffic of one who asks, after its first calls. */
async function liarsShare(stage: Stage): Promise<number> {
  // It has measured nobody yet, and the liar is nearer than anybody else.
  await stage.inflict({ kind: 'stop', node: 0 })
  await stage.inflict({ kind: 'link', from: 'all', to: 'all', preset: '4g' })
  await stage.inflict({ kind: 'restart', node: 0 })
  await stage.inflict({ kind: 'hostile', behaviour: 'liar', by: 0, victims: 'all' })
  const { peerId } = stage.cluster.hostiles.at(-1)!
  await stage.until('the liar is liked best', () => favouriteOf(stage) === peerId, 20_000)

  const load = new Load(stage, { askers: [0], atOnce: 2, question: { budgetMs: BUDGET_MS } })
  await stage.until('enough was asked', () => load.answers.length >= 5 * CALLS, 60_000)
  const answers = [...(await load.end())].sort((a, b) => a.atMs - b.atMs)
  const lies = answers.filter(answer => answer.peerId === peerId)
  stage.note(`of ${answers.length} calls ${lies.length} went to the liar`)
  const later = answers.slice(CALLS)
  const share = later.filter(answer => lies.includes(answer)).length / later.length
  stage.must(
    `a liar loses 90 % of its traffic within ${CALLS} calls, and not only ${((1 - share) * 100).toFixed(0)} %`,
    share <= SHARE_MAX
  )
  stage.must('the liar was asked at all', lies.length > 0)
  return share
}

function favouriteOf(stage: Stage): string | undefined {
  const providers = stage.view(0).providers
  if (Object.keys(providers).length < stage.running.length) return undefined
  return stage.node(0).explain({ model: 'echo' })[0]?.peerId
}
