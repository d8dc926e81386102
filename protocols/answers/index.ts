export { RemoteAnswer } from './client.ts'
export {
  ANSWERS_PROTOCOL,
  ANSWERS_STREAMS_INBOUND_MAX,
  type Ask,
  Chunks,
  decodeNote,
  encodeNote,
  NOTE_BYTES_MAX
} from './codec.ts'
export { AnswersHandler, type OpenAnswer } from './handler.ts'
