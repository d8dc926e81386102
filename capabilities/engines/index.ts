/** The engines that this node brings. A new one is a folder beside these and a line here. */

import type { EngineKind } from '../models/found-model.ts'
import { external } from './external/kind.ts'
import { llamaCpp } from './llama-cpp/kind.ts'
import { onnx } from './onnx/kind.ts'
import { transformers } from './transformers/kind.ts'

/** In the order in which they look at a folder. */
export const ENGINE_KINDS: readonly EngineKind[] = [external, transformers, llamaCpp, onnx]

export const kindOf = (engine: string): EngineKind => ENGINE_KINDS.find(({ name }) => name === engine)!
