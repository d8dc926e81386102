/** LangGraph.js over the memory of lumos-node: checkpoints and a store that each device of a space has. */

export type { MemoryOptions } from './memory-client.ts'
export { NodeError } from './node-client.ts'
export { LumosSaver } from './saver.ts'
export { LumosStore } from './store.ts'
