/** What is done to a virtual mesh: a value, drawn from a seed, that can be told in a few words. */

import type { Random } from '../../interface/clock.ts'
import type { Capability } from '../../interface/manifest.ts'
import { forkRandom, pick, pickSome } from '../random.ts'
import type { NodeRole } from './node.ts'

export type Fault = { readonly atMs: number } & (
  | {
      readonly type: 'crash'
      readonly node: number
      readonly kind: 'kill' | 'power-cut'
      readonly forMs: number
    }
  | { readonly type: 'pause'; readonly node: number; readonly forMs: number }
  | { readonly type: 'slow'; readonly node: number; readonly factor: number; readonly forMs: number }
  | { readonly type: 'skew'; readonly node: number; readonly byMs: number }
  /** These can reach nobody else, nor be reached. */
  | { readonly type: 'partition'; readonly nodes: readonly number[]; readonly forMs: number }
  /** What `from` sends to `to` vanishes. */
  | { readonly type: 'one-way'; readonly from: number; readonly to: number; readonly forMs: number }
  /** A cable that is loose. */
  | {
      readonly type: 'flap'
      readonly a: number
      readonly b: number
      readonly times: number
      readonly periodMs: number
    }
  | { readonly type: 'loss'; readonly node: number; readonly rate: number; readonly forMs: number }
  | { readonly type: 'revoke'; readonly by: number; readonly subject: number }
)

export interface PlannedNode {
  readonly role: NodeRole
  readonly capabilities: readonly Capability[]
  readonly acquaintances: readonly number[]
  /** The admin that let it in; the root when absent. */
  readonly issuer: number | undefined
}

export interface Plan {
  readonly seed: number
  readonly nodes: readonly PlannedNode[]
  readonly link: { readonly delayMs: number; readonly jitterMs: number; readonly lossRate: number }
  readonly models: readonly string[]
  /** What an engine takes for one chunk, on average. */
  readonly chunkMs: number
  readonly budgetMs: number
  /** Of each node. */
  readonly requestsPerMinute: number
  readonly requestsUntilMs: number
  readonly startWithinMs: number
  /** By then every fault is over. */
  readonly healedMs: number
  readonly faults: readonly Fault[]
}

/** From a cable to what nobody should call a link: one way, in milliseconds. */
const LINKS = [
  { delayMs: 0.3, jitterMs: 0.2, lossRate: 0 },
  { delayMs: 5, jitterMs: 10, lossRate: 0.001 },
  { delayMs: 40, jitterMs: 30, lossRate: 0.02 },
  { delayMs: 150, jitterMs: 200, lossRate: 0.1 }
] as const

/** Up to this many nodes know all others; larger meshes are as dense as discovery makes them. */
const FULL_MESH_MAX = 12
const ACQUAINTANCES = 4
/** Two admins: the one with the root key, and one that it made. */
const ADMINS = 2
const ROLES: readonly NodeRole[] = ['liar', 'replayer', 'equivocator', 'flooder', 'dropper', 'stranger']

/** A mesh of up to sixteen, a random choice of faults, and a random amount of each. */
export function swarmPlan(seed: number): Plan {
  const random = forkRandom(seed, 'plan')
  const between = (low: number, high: number): number => low + random() * (high - low)
  const count = Math.floor(between(3, 17))
  const disturbedMs = between(40_000, 200_000)
  const models = ['echo', 'digits', 'words'].slice(0, Math.ceil(random() * 3))
  const hostile = Math.floor(random() * random() * count * 0.5)
  const roles = rolesOf(count, hostile, random)
  const chunkMs = 2 ** between(1, 9)
  const faults = drawFaults(roles, disturbedMs, random)
  return {
    seed,
    nodes: roles.map((_, i) =>
      planNode(i, roles, models, random() < 0.5 ? 1 : 1 + Math.floor(random() * 4), random)
    ),
    link: pick(LINKS, random),
    models,
    chunkMs,
    budgetMs: 2 ** between(10, 15),
    requestsPerMinute: 2 ** between(0, 5.5),
    requestsUntilMs: disturbedMs + 20_000,
    startWithinMs: between(0, 20_000),
    healedMs: disturbedMs,
    faults
  }
}

/** A large mesh on an ordinary day: devices come, go and lose their network, a few break the rules. */
export function largePlan(seed: number, count: number, hours: number): Plan {
  const random = forkRandom(seed, 'plan')
  const endMs = hours * 3_600_000
  const healedMs = endMs - Math.min(600_000, endMs / 2)
  const models = Array.from({ length: Math.max(1, Math.round(count / 20)) }, (_, i) => `model-${i}`)
  const roles = rolesOf(count, Math.floor(count / 50), random)
  const faults: Fault[] = []
  for (let i = 0; i < (count / 10) * hours; i++) {
    const draw = pick(FAULTS, random)
    const atMs = 60_000 + random() * (healedMs - 360_000)
    const fault = draw({ roles, atMs, untilMs: Math.min(healedMs, atMs + 300_000), random })
    if (fault !== undefined) faults.push(fault)
  }
  return {
    seed,
    nodes: roles.map((_, i) => planNode(i, roles, [models[i % models.length]!], 2, random)),
    link: LINKS[1],
    models,
    chunkMs: 20,
    budgetMs: 30_000,
    requestsPerMinute: 1,
    requestsUntilMs: endMs - 120_000,
    startWithinMs: 60_000,
    healedMs,
    faults
  }
}

function rolesOf(count: number, hostile: number, random: Random): NodeRole[] {
  const roles: NodeRole[] = Array.from({ length: count }, () => 'honest')
  const others = Array.from({ length: count - ADMINS }, (_, i) => i + ADMINS)
  for (const node of pickSome(others, Math.min(hostile, count - ADMINS - 1), random))
    roles[node] = pick(ROLES, random)
  return roles
}

function planNode(
  index: number,
  roles: readonly NodeRole[],
  models: readonly string[],
  slots: number,
  random: Random
): PlannedNode {
  const others = roles.flatMap((_, i) => (i === index ? [] : [i]))
  const earlier = others.filter(i => i < index)
  const offered = roles.length <= FULL_MESH_MAX ? models.filter(() => random() < 0.6) : models
  return {
    role: roles[index]!,
    capabilities: offered.map(model => ({
      ...{ task: 'text-generation', model, slots, warm: random() < 0.5 },
      // One in four is of a version that cannot go on with an answer.
      ...(index % 4 !== 3 && { resumes: true })
    })),
    acquaintances: roles.length <= FULL_MESH_MAX ? others : pickSome(earlier, ACQUAINTANCES, random),
    issuer: index < ADMINS ? undefined : Math.floor(random() * ADMINS)
  }
}

interface Ground {
  readonly roles: readonly NodeRole[]
  readonly atMs: number
  readonly untilMs: number
  readonly random: Random
}

/** One way to draw each kind of fault. */
const FAULTS: readonly ((ground: Ground) => Fault | undefined)[] = [
  ({ roles, atMs, untilMs, random }) => ({
    ...{ type: 'crash', atMs, node: any(roles, random) },
    ...{ kind: random() < 0.5 ? 'kill' : 'power-cut', forMs: random() ** 2 * (untilMs - atMs) }
  }),
  ({ roles, atMs, untilMs, random }) => ({
    ...{ type: 'pause', atMs, node: any(roles, random), forMs: random() ** 2 * (untilMs - atMs) }
  }),
  ({ roles, atMs, untilMs, random }) => ({
    ...{ type: 'slow', atMs, node: any(roles, random), factor: 2 ** (random() * 7) },
    forMs: random() * (untilMs - atMs)
  }),
  // A day is what clocks may be wrong without harm.
  ({ roles, atMs, random }) => ({
    type: 'skew',
    atMs,
    node: any(roles, random),
    byMs: (random() - 0.5) * 2 * 86_400_000
  }),
  ({ roles, atMs, untilMs, random }) => ({
    ...{ type: 'partition', atMs, forMs: random() * (untilMs - atMs) },
    nodes: pickSome([...roles.keys()], Math.ceil(random() * roles.length * 0.5), random)
  }),
  ({ roles, atMs, untilMs, random }) => {
    const [from, to] = pickSome([...roles.keys()], 2, random) as [number, number]
    return { type: 'one-way', atMs, from, to, forMs: random() * (untilMs - atMs) }
  },
  ({ roles, atMs, untilMs, random }) => {
    const [a, b] = pickSome([...roles.keys()], 2, random) as [number, number]
    const times = 1 + Math.floor(random() * 10)
    return { type: 'flap', atMs, a, b, times, periodMs: ((untilMs - atMs) * random()) / times }
  },
  ({ roles, atMs, untilMs, random }) => ({
    ...{ type: 'loss', atMs, node: any(roles, random) },
    ...{ rate: 0.1 + 0.4 * random(), forMs: random() * (untilMs - atMs) }
  }),
  ({ roles, atMs, random }) => {
    // Admins stay: what falls with one is renewed by reception, which is no core.
    const subject = ADMINS + Math.floor(random() * (roles.length - ADMINS))
    return roles.length > 4 ? { type: 'revoke', atMs, by: Math.floor(random() * ADMINS), subject } : undefined
  }
]

const any = (roles: readonly NodeRole[], random: Random): number => Math.floor(random() * roles.length)

function drawFaults(roles: readonly NodeRole[], untilMs: number, random: Random): Fault[] {
  const chosen = FAULTS.filter(() => random() < 0.4)
  const faults = chosen.flatMap(draw =>
    Array.from({ length: 1 + Math.floor(random() * 4) }, () =>
      draw({ roles, atMs: random() * untilMs, untilMs, random })
    )
  )
  return faults.filter(fault => fault !== undefined).sort((a, b) => a.atMs - b.atMs)
}

/** The plan in a line: as much as one needs to imagine it. */
export function describePlan({ nodes, link, requestsPerMinute, chunkMs, faults, healedMs }: Plan): string {
  const hostile = nodes.flatMap(({ role }, i) => (role === 'honest' ? [] : [`n${i} ${role}`]))
  return [
    `${nodes.length} nodes${hostile.length > 0 ? ` (${hostile.join(', ')})` : ''}`,
    `links of ${link.delayMs} ms and ${link.lossRate * 100} % loss`,
    `${requestsPerMinute.toFixed(0)} requests a minute each of ${chunkMs.toFixed(0)} ms a chunk`,
    faults.length > 0 ? faults.map(describeFault).join(', ') : 'no faults',
    `healed at ${(healedMs / 1000).toFixed(0)} s`
  ].join('; ')
}

function describeFault(fault: Fault): string {
  const at = `@${(fault.atMs / 1000).toFixed(0)}s`
  const lasts = 'forMs' in fault ? `+${(fault.forMs / 1000).toFixed(0)}s` : ''
  const whom =
    'node' in fault
      ? `n${fault.node}`
      : fault.type === 'partition'
        ? fault.nodes.map(node => `n${node}`).join('+')
        : fault.type === 'one-way'
          ? `n${fault.from}→n${fault.to}`
          : fault.type === 'flap'
            ? `n${fault.a}–n${fault.b}`
            : `n${fault.subject} by n${fault.by}`
  return `${fault.type === 'crash' ? fault.kind : fault.type} ${whom} ${at}${lasts}`
}
