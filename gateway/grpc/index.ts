/** gRPC; loaded where the settings turn it on. */

export { GrpcListener } from './listener.ts'
