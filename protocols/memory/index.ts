export { type Askings, MemoryClient } from './client.ts'
export { type Asker, type Feed, MemoryHandler } from './handler.ts'
export {
  BATCH_BYTES,
  type CarriedKey,
  MEMORY_PROTOCOL,
  MEMORY_STREAMS_INBOUND_MAX,
  type Offer,
  type StatedHead
} from './messages.ts'
