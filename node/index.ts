/**
 * The peer API of `lumos-node`: a node inside your own program. Its types name this package
 * and zod only, so a program needs none of the libraries that the bundle holds.
 */

import type { LumosNode } from '../interface/node.ts'
import { createLumosNode as createMeshNode } from './create-node.ts'
import type { LumosNodeOptions } from './options.ts'

export type { Engine, Model } from '../capabilities/host/engine.ts'
export { type ErrorCode, LumosError } from '../interface/errors.ts'
export type {
  EventData,
  EventGap,
  EventName,
  NodeEvent,
  NodeEvents,
  SubscribeOptions
} from '../interface/events.ts'
export type { InferenceChunk } from '../interface/inference.ts'
export type { JobInfo, JobProgress, LumosJobs } from '../interface/jobs.ts'
export type { Role } from '../interface/membership.ts'
export type {
  Asking,
  FoundMesh,
  Invitation,
  Joined,
  JoinNearbyOptions,
  JoinRequest,
  LumosMesh,
  MemberInfo,
  MeshInfo,
  NearbyMesh
} from '../interface/mesh.ts'
export type {
  InferOptions,
  LumosNode,
  ModelInfo,
  NewInferenceRequest,
  PeerInfo
} from '../interface/node.ts'
export type { RankedPeer } from '../interface/routing.ts'
export type { NodeStatus } from '../interface/status.ts'
export type { TaskInput, TaskName, TaskOutput } from '../interface/tasks/index.ts'
export { askedText } from '../interface/tasks/text-generation.ts'
export type { LumosNodeOptions } from './options.ts'

/**
 * Open the home and make a node of it; `start` connects it. The caller must stop the node, which
 * also closes the home.
 *
 * @throws {LumosError} `CONFIG_INVALID`, `HOME_LOCKED`, `HOME_NEWER`, `KEY_LOCKED`, `STORE_DAMAGED` or
 *   `STORE_FULL`; nothing stays open then.
 */
export const createLumosNode: (options?: LumosNodeOptions) => Promise<LumosNode> = createMeshNode
