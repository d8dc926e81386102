/** The node for other programs, over HTTP. */

export { Gateway, type GatewayOptions } from './server.ts'
