/** `lumos-node/client`: a node over HTTP, for Node and browsers. Nothing of the mesh is in here. */

export { createClient, LumosClient } from './client.ts'
export { LumosClientError } from './errors.ts'
export type { ConnectionState, ResumeOptions } from './resume.ts'
export type {
  AnswerOptions,
  AnyUnits,
  AttachOptions,
  CallOptions,
  ClientOptions,
  EventOptions,
  Meta,
  StreamOptions,
  UnitDescription,
  UnitType,
  WatchOptions
} from './types.ts'
export type { ErrorCode, Units } from './units.generated.ts'
