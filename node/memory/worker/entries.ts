/** Where the code of the thread of memory is: it is loaded by address, from the source or from the bundle. */

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'

export const MEMORY_WORKER = new URL(
  `./${extension === 'ts' ? '' : 'memory/'}memory-worker.${extension}`,
  import.meta.url
)
