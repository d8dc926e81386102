export { pullManifests } from './client.ts'
export { type AgedEnvelope, MANIFEST_PROTOCOL } from './codec.ts'
export { MANIFEST_BYTES_MAX, openManifest, sealManifest } from './envelope.ts'
export { servePull } from './handler.ts'
