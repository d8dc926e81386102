export { BlocksClient } from './client.ts'
export {
  BLOCKS_PROTOCOL,
  BLOCKS_STREAMS_INBOUND_MAX,
  DIGEST_BYTES,
  type FoundRepository,
  LEAVES_PER_ANSWER,
  LEAVES_PER_BITMAP,
  LISTS_PER_ANSWER,
  type OfComing,
  SHARED_LEAVES_MAX,
  type Share,
  type Stated
} from './codec.ts'
export { BlocksHandler, type Holdings } from './handler.ts'
