/** The peer API of `lumos-node`: a node inside your own program. */

export { type ErrorCode, LumosError } from '../interface/errors.ts'
export type { EventData, EventName } from '../interface/events.ts'
export type { InferenceChunk } from '../interface/inference.ts'
export type { Role } from '../interface/membership.ts'
export type {
  Asking,
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
  NodeStatus,
  PeerInfo,
  RankedPeer
} from '../interface/node.ts'
export { createLumosNode, type LumosNodeOptions } from './create-node.ts'
