/** The node for other programs, over HTTP. */

export { Gateway } from './server.ts'
