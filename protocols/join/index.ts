export { askToJoin, redeemInvite } from './client.ts'
export { type Ask, type Challenge, type Grant, JOIN_PROTOCOL, NONCE_BYTES } from './codec.ts'
export { refuseJoin, serveJoin } from './handler.ts'
