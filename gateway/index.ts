/** The node for other programs, over HTTP. */

export { NamedTokens } from './named-tokens.ts'
export { Gateway } from './server.ts'
