/** How a request finds its device: by which policy, and what became of it. */

import * as z from 'zod'

/**
 * `balanced`: the least expected time; devices that are about as fast share, and now and then one is tried that was not
 * measured lately. `fastest`: the least expected time alone. `local-first`: this device wherever it can. `cheapest`: what
 * stays in the mesh, then what need not be woken, then the smallest device that is fast enough. `greenest`: what need not be
 * woken, no battery and no load from disk, then the least measured energy, then the smallest device that is fast enough.
 */
export const ROUTING_POLICIES = ['balanced', 'fastest', 'local-first', 'cheapest', 'greenest'] as const
export const RoutingPolicy = z.enum(ROUTING_POLICIES)
export type RoutingPolicy = z.infer<typeof RoutingPolicy>

/** One peer that could answer, and what its place in the order is made of. */
export const RankedPeer = z.strictObject({
  peerId: z.string(),
  name: z.string(),
  route: z.enum(['local', 'remote']),
  task: z.string(),
  model: z.string(),
  /** Expected time of the answer; the sum of `parts`. */
  costMs: z.number(),
  parts: z.array(z.strictObject({ reason: z.string(), ms: z.number() })),
  /** What a token takes there, where that device measures it: `greenest` looks at it. */
  joulesPerToken: z.number().optional()
})
export type RankedPeer = z.infer<typeof RankedPeer>

/** How a request found its device: what could be asked when it came, and what happened. */
export const RoutedRequest = z.strictObject({
  requestId: z.string(),
  policy: RoutingPolicy,
  candidates: z.array(
    z.strictObject({
      peerId: z.string(),
      name: z.string(),
      model: z.string(),
      /** Null for a peer that was left out unranked. */
      costMs: z.number().nullable(),
      parts: z.array(z.strictObject({ reason: z.string(), ms: z.number() })),
      joulesPerToken: z.number().optional(),
      /**
       * `asked`; `spare`, for a peer that others were before; `ejected`, for one that failed too often; `too_small`, for one
       * without room for the request in its context.
       */
      fate: z.enum(['asked', 'spare', 'ejected', 'too_small'])
    })
  ),
  /** Candidates that are not listed. */
  more: z.int(),
  attempts: z.array(
    z.strictObject({
      peerId: z.string(),
      /** After the request came. */
      startedMs: z.number(),
      /** After it was asked. */
      firstChunkMs: z.number().nullable(),
      /** After the request came; null while it is under way. */
      endedMs: z.number().nullable(),
      /** Chunks of the answer that others gave before it. */
      from: z.int(),
      chunks: z.int(),
      /** `answered`, or the code of its failure; null while it is under way. */
      outcome: z.string().nullable()
    })
  ),
  /** The same of the whole request. */
  outcome: z.string().nullable(),
  durationMs: z.number().nullable()
})
export type RoutedRequest = z.infer<typeof RoutedRequest>

/** One request of this node's programs, in a line. `RoutedRequest` has the rest. */
export const RequestSummary = z.strictObject({
  requestId: z.string(),
  task: z.string(),
  model: z.string().nullable(),
  policy: RoutingPolicy,
  /** Wall time of this node. */
  atMs: z.int(),
  /** That was asked last; null while none is. */
  peerId: z.string().nullable(),
  name: z.string().nullable(),
  /** How many times a peer was asked: more than one where it was tried again, or two were asked side by side. */
  attempts: z.int(),
  /** Chunks that the caller was given. */
  chunks: z.int(),
  /** After the request came. */
  firstChunkMs: z.number().nullable(),
  /** `answered`, or the code of its failure; null while it is under way. */
  outcome: z.string().nullable(),
  durationMs: z.number().nullable()
})
export type RequestSummary = z.infer<typeof RequestSummary>
