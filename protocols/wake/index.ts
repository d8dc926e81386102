export { askToWake } from './client.ts'
export { decodePart, encodePart, MACS_MAX, WAKE_PROTOCOL, WAKE_STREAMS_INBOUND_MAX } from './codec.ts'
export { wakeHandler } from './handler.ts'
