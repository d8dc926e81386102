export { RemoteAnswer } from './client.ts'
export {
  ANSWERS_PROTOCOL,
  ANSWERS_STREAMS_INBOUND_MAX,
  type Ask,
  decodeChunks,
  encodeChunks,
  encodeNote,
  forgetting,
  NOTE_BYTES_MAX
} from './codec.ts'
export { AnswersHandler } from './handler.ts'
