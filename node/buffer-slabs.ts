/**
 * Node cuts small buffers out of slabs, of 64 KiB since Node 24, and each buffer keeps
 * all of its slab in memory. Libraries keep a few bytes of each peer for as long as they
 * know it, as kad-dht does of the twenty nearest: measured, 2.2 MB an hour while new
 * devices came and went. It is set for the whole process: a program
 * that has a node as one of its parts sets its own.
 *
 * https://nodejs.org/api/buffer.html#class-property-bufferpoolsize
 */

/** What it was before. What is on the path of each request has slabs of its own. */
const SLAB_BYTES = 8 * 1024

export function useSmallSlabs(): void {
  Buffer.poolSize = SLAB_BYTES
}
