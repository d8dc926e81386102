export { BITSWAP_PROTOCOL } from './codec.ts'
export { BITSWAP_STREAMS_INBOUND_MAX, BitswapHandler, type PublicBlocks } from './handler.ts'
