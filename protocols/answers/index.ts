export { RemoteAnswer } from './client.ts'
export {
  ANSWERS_PROTOCOL,
  ANSWERS_STREAMS_INBOUND_MAX,
  type Ask,
  decodeChunks,
  decodeNote,
  encodeChunks,
  encodeNote,
  NOTE_BYTES_MAX
} from './codec.ts'
export { AnswersHandler, type OpenAnswer } from './handler.ts'
