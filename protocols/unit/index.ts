export { UnitClient } from './client.ts'
export { UNIT_PROTOCOL, UNIT_STREAMS_INBOUND_MAX } from './codec.ts'
export { UnitHandler } from './handler.ts'
export type { ServedUnits } from './served-stream.ts'
