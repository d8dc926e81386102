import { createHash } from 'node:crypto'

/** The seed of a device's key, by a name. */
export const seedOf = (name: string): Uint8Array => new Uint8Array(createHash('sha256').update(name).digest())
