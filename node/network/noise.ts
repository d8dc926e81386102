/**
 * Noise, loaded for the first peer that speaks nothing else: its WebAssembly
 * costs 7 MB, and members of a mesh speak TLS to each other.
 */

import type { ConnectionEncrypter } from '@libp2p/interface'
import type { NoiseComponents } from '@libp2p/noise'

export const noiseOnDemand =
  () =>
  (components: NoiseComponents): ConnectionEncrypter => {
    let loaded: Promise<ConnectionEncrypter> | undefined
    const load = (): Promise<ConnectionEncrypter> => {
      loaded ??= import('@libp2p/noise').then(({ noise }) => noise()(components))
      return loaded
    }
    return {
      protocol: '/noise',
      secureInbound: async (connection, options) => (await load()).secureInbound(connection, options),
      secureOutbound: async (connection, options) => (await load()).secureOutbound(connection, options)
    }
  }
