/**
 * What can be done to a cluster, as data: a run writes down each with its time,
 * and the schedule that comes of it repeats the run's disturbances.
 */

import * as z from 'zod'
import { HOSTILE_KINDS } from '../hostile/kinds.ts'
import { LinkModel, LinkState } from '../network/link-model.ts'
import { PRESET_NAMES } from '../network/presets.ts'

const NodeIndex = z.int().min(0)
const Ms = z.number().min(0)
/** Which nodes: these, or all that there are. */
export const Nodes = z.union([z.literal('all'), z.array(NodeIndex)])
export type Nodes = z.infer<typeof Nodes>

/** From these to those, that way only unless `both` is set. */
const Between = { from: Nodes, to: Nodes, both: z.boolean().optional() }

export const Fault = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('start'), node: NodeIndex }),
  /** In good order: what is under way is given up, everyone is told. */
  z.strictObject({ kind: z.literal('stop'), node: NodeIndex }),
  /**
   * `power`: the machine is gone; nobody is told, and what was not synced to the disk is lost.
   * `kill`: the process is gone, as by SIGKILL; its connections are reset, the disk is as it was.
   */
  z.strictObject({ kind: z.literal('crash'), node: NodeIndex, how: z.enum(['power', 'kill']) }),
  /** A node that was stopped or has crashed, from what its disk holds. */
  z.strictObject({ kind: z.literal('restart'), node: NodeIndex }),
  /** As SIGSTOP: it neither reads, writes nor counts time until `resume`. */
  z.strictObject({ kind: z.literal('pause'), node: NodeIndex }),
  z.strictObject({ kind: z.literal('resume'), node: NodeIndex }),
  /** Everything that arrives takes this many times as long to be worked on; 1 is normal. */
  z.strictObject({ kind: z.literal('slow-cpu'), node: NodeIndex, factor: z.number().min(1).max(1000) }),
  /** The wall clock jumps, back when negative, and from then on runs fast by `driftPpm`. */
  z.strictObject({
    kind: z.literal('clock'),
    node: NodeIndex,
    jumpMs: z.number(),
    driftPpm: z.number().min(-100_000).max(100_000).optional()
  }),
  /** Its databases cannot grow, as on a full disk, until this is taken back. */
  z.strictObject({ kind: z.literal('disk'), node: NodeIndex, full: z.boolean() }),
  z.strictObject({
    kind: z.literal('link'),
    ...Between,
    /** A preset to take everything from. */
    preset: z.enum(PRESET_NAMES).optional(),
    /** What differs from the preset, or from what was. */
    model: LinkModel.partial().optional(),
    state: LinkState.optional()
  }),
  /** Every connection between them breaks, as by a RST. */
  z.strictObject({ kind: z.literal('reset'), from: Nodes, to: Nodes }),
  /** Only nodes of one group reach each other; who is in none is alone. */
  z.strictObject({
    kind: z.literal('partition'),
    groups: z.array(z.array(NodeIndex)),
    state: LinkState.exclude(['up'])
  }),
  /** The links go down and up again, until `heal`. */
  z.strictObject({
    kind: z.literal('flap'),
    ...Between,
    state: LinkState.exclude(['up']),
    upMs: Ms.min(1),
    downMs: Ms.min(1)
  }),
  /** A hostile peer comes, with a certificate that `by` gave it, or without one, and attacks those. */
  z.strictObject({
    kind: z.literal('hostile'),
    behaviour: z.enum(HOSTILE_KINDS),
    by: NodeIndex.optional(),
    victims: Nodes
  }),
  /** Every hostile peer is gone. */
  z.strictObject({ kind: z.literal('calm') }),
  /** All links are as in the beginning, all clocks right, disks roomy, CPUs fast, paused nodes run, the hostile are gone; the dead stay dead. */
  z.strictObject({ kind: z.literal('heal') })
])
export type Fault = z.infer<typeof Fault>

/** What was done to a cluster, and when: milliseconds since it was made. */
export const Schedule = z.strictObject({
  seed: z.int().min(0),
  nodes: z.int().min(1),
  entries: z.array(z.strictObject({ atMs: Ms, fault: Fault }))
})
export type Schedule = z.infer<typeof Schedule>
