/** Where the code of threads is: it is loaded by address, from the source or from the bundle. */

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'

/** Hashes files of weights and builds their DAGs. */
export const HASH_WORKER = new URL(`./weights/hash-worker.${extension}`, import.meta.url)
