/**
 * A run that nobody thought of: links, faults, hostile peers and load drawn from the
 * seed, then everything is put right, and all must recover.
 */

import type { Fault } from '../faults/fault.ts'
import { HOSTILE_KINDS } from '../hostile/kinds.ts'
import { Load } from '../load.ts'
import { lateModel, slowModel } from '../models.ts'
import { pick, pickSome } from '../random.ts'
import { recover } from '../recovery.ts'
import type { Scenario } from '../scenario.ts'
import type { Stage } from '../stage.ts'

const FAULTS_MIN = 3
const FAULTS_MORE = 6
/** Between two faults: some come while the last one is not over, others into peace. */
const PAUSE_MS_MAX = 1200
/** After what was done to it, a mesh on slow links needs a while: redials, handshakes, pulls. */
const RECOVER_MS = 60_000
/** Not those on which a handshake alone takes longer than a run may. */
const LINKS = ['perfect', 'lan', 'good-wifi', 'poor-wifi', '4g'] as const

type Random = Stage['random']
type Draw = (stage: Stage) => Fault | undefined

/** Each draws a fault, or none when there is nobody to whom it could be done now. */
const FAULTS: Record<string, Draw> = {
  kill: ({ running, random }) => crash(running, random, 'kill'),
  power: ({ running, random }) => crash(running, random, 'power'),
  stop: ({ running, random }) => (spare(running) ? { kind: 'stop', node: pick(running, random) } : undefined),
  restart({ cluster, random }) {
    const gone = cluster.hosts.filter(({ state }) => state === 'crashed' || state === 'stopped')
    return gone.length > 0 ? { kind: 'restart', node: pick(gone, random).index } : undefined
  },
  pause: ({ running, random }) =>
    spare(running) ? { kind: 'pause', node: pick(running, random) } : undefined,
  resume({ cluster, random }) {
    const paused = cluster.hosts.filter(({ state }) => state === 'paused')
    return paused.length > 0 ? { kind: 'resume', node: pick(paused, random).index } : undefined
  },
  slow: ({ running, random }) => ({
    kind: 'slow-cpu',
    node: pick(running, random),
    factor: 2 + random() * 50
  }),
  clock: ({ running, random }) => ({
    kind: 'clock',
    node: pick(running, random),
    jumpMs: (random() - 0.5) * 2 * 24 * 3600 * 1000
  }),
  disk: ({ running, random }) => ({ kind: 'disk', node: pick(running, random), full: random() < 0.5 }),
  lossy: stage => ({
    kind: 'link',
    from: someOf(stage),
    to: 'all',
    both: stage.random() < 0.5,
    model: { lossRate: stage.random() * 0.2, lossBurst: 1 + stage.random() * 5 }
  }),
  cut: stage => ({
    kind: 'link',
    from: someOf(stage),
    to: someOf(stage),
    both: stage.random() < 0.5,
    state: pick(['down', 'clogged', 'blackhole'] as const, stage.random)
  }),
  reset: stage => ({ kind: 'reset', from: someOf(stage), to: 'all' }),
  partition(stage) {
    const { nodes, random } = stage
    const left = someOf(stage)
    const right = nodes.map((_, index) => index).filter(index => !left.includes(index))
    return {
      kind: 'partition',
      groups: [left, right],
      state: pick(['down', 'clogged', 'blackhole'] as const, random)
    }
  },
  flap: stage => ({
    kind: 'flap',
    from: someOf(stage),
    to: 'all',
    both: true,
    state: 'down',
    upMs: 200 + stage.random() * 1500,
    downMs: 100 + stage.random() * 1000
  }),
  hostile({ cluster, running, random }) {
    // The founder lets it in, so it must be there; one at a time is enough to look at.
    if (cluster.hostiles.length > 0 || !running.includes(0)) return undefined
    return { kind: 'hostile', behaviour: pick(HOSTILE_KINDS, random), by: 0, victims: 'all' }
  },
  calm: ({ cluster }) => (cluster.hostiles.length > 0 ? { kind: 'calm' } : undefined),
  heal: () => ({ kind: 'heal' })
}

export const swarmNodes: Scenario = {
  name: 'swarm-nodes',
  question: 'Does a mesh recover from whatever the seed has in store for it?',
  nodes: 4,
  nodesMost: 8,
  // Whoever can answer asks itself: those who cannot need the others.
  configure: index =>
    asksOnly(index) ? { settings: { 'engines.echo': false } } : { models: [slowModel(20, 4), lateModel()] },

  async run(stage) {
    const { random } = stage
    await stage.inflict({ kind: 'link', from: 'all', to: 'all', preset: pick(LINKS, random) })
    await stage.assemble()
    const models = ['echo', 'slow', 'late']
    const askers = stage.running.filter(asksOnly)
    // Whoever pauses or dies takes its requests along: each has a budget, so that none waits for ever.
    const question = { model: pick(models, random), budgetMs: 20_000 }
    const load = new Load(stage, { askers, atOnce: 1 + Math.floor(random() * 4), pauseMs: 50, question })

    // Not every kind in every run: a mix of two finds what a mix of all hides.
    const kinds = pickSome(Object.keys(FAULTS), 2 + Math.floor(random() * 5), random)
    let done = 0
    for (let i = FAULTS_MIN + Math.floor(random() * FAULTS_MORE); i > 0; i--) {
      const fault = FAULTS[pick(kinds, random)]!(stage)
      if (fault !== undefined) {
        done++
        await stage.inflict(fault)
      }
      await stage.pause(random() * PAUSE_MS_MAX)
    }
    const recovering = heal(stage)
    await Promise.all([recovering, load.end()])
    return [
      { metric: 'faults', value: done, unit: '' },
      { metric: 'requests', value: load.answers.length, unit: '' },
      { metric: 'failed', value: load.failed.length, unit: '' },
      { metric: 'all agree after', value: await recovering, unit: 'ms' }
    ]
  }
}

const asksOnly = (index: number): boolean => index % 3 === 0

async function heal(stage: Stage): Promise<number> {
  await stage.inflict({ kind: 'heal' })
  for (const { index, state } of stage.cluster.hosts) {
    if (state === 'crashed' || state === 'stopped') await stage.inflict({ kind: 'restart', node: index })
  }
  return await recover(stage, RECOVER_MS)
}

const crash = (running: readonly number[], random: Random, how: 'kill' | 'power'): Fault | undefined =>
  spare(running) ? { kind: 'crash', node: pick(running, random), how } : undefined

/** Two are left: a mesh of which nothing runs has no promises to keep. */
const spare = (running: readonly number[]): boolean => running.length > 2

function someOf({ nodes, random }: Stage): number[] {
  const all = nodes.map((_, index) => index)
  return pickSome(all, 1 + Math.floor(random() * (all.length - 1)), random)
}
