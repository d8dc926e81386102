/** The port of gRPC, as programs are told of it. */

import * as z from 'zod'

export const GrpcState = z.strictObject({
  /** `HOST:PORT`; null while it is closed, or turned off. */
  address: z.string().nullable(),
  /** What clients pin: SHA-256 of the certificate, in hexadecimal pairs. */
  fingerprint: z.string().nullable(),
  /** In PEM: what clients trust. */
  certificate: z.string().nullable()
})
export type GrpcState = z.output<typeof GrpcState>
