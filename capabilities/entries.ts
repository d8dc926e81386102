/**
 * Where the code is that runs in an engine's own process. These files are
 * loaded by address, not by import, so this is the one place that knows whether
 * this is the source or the bundle.
 */

const isSource = import.meta.url.endsWith('.ts')
const extension = isSource ? 'ts' : 'js'

/** What an engine's process starts with. */
export const ENGINE_CHILD = new URL(`./host/engine-child.${extension}`, import.meta.url)
/** The module of the ONNX engine. */
export const ONNX_ENGINE = new URL(`./engines/onnx/engine.${extension}`, import.meta.url)
/** The module of the engine for text models. */
export const TRANSFORMERS_ENGINE = new URL(`./engines/transformers/engine.${extension}`, import.meta.url)
/** The module of the engine for GGUF models. */
export const LLAMA_ENGINE = new URL(`./engines/llama-cpp/engine.${extension}`, import.meta.url)
/** The module of the engine that is a program of the owner. */
export const EXTERNAL_ENGINE = new URL(`./engines/external/engine.${extension}`, import.meta.url)
/** What hashes a file on a thread of its own. */
export const HASH_WORKER = new URL(`./models/hash-worker.${extension}`, import.meta.url)
/** What quantises one file in a process of its own. */
export const QUANTIZER = new URL(`./quantize/main.${extension}`, import.meta.url)
/** All that the first two import of this package: a sandbox must show it, and shows no more of the package. */
export const ENGINE_CODE: readonly URL[] = (
  isSource ? ['.', '../interface', '../package.json'] : ['.', '../package.json']
).map(path => new URL(path, import.meta.url))
