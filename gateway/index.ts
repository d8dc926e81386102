/** The node for other programs, over HTTP. */

export type { AdoptionStore } from './adopted-ports.ts'
export { NamedTokens } from './named-tokens.ts'
export { Gateway } from './server.ts'
