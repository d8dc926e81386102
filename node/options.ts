/** The options of a node inside a program; they name types of this package only. */

import type { DeviceLoad } from '../capabilities/device-load.ts'
import type { Model } from '../capabilities/host/engine.ts'
import type { Clock, Random } from '../interface/clock.ts'
import type { NodeLogger } from './log/log.ts'

export interface LumosNodeOptions {
  /** Directory that holds everything of this node. Default: `LUMOS_HOME`, else the platform's folder. */
  readonly home?: string
  /** Settings by key as in `lumos.yaml` (`'swarm.port': 0`); they overrule environment and file. */
  readonly settings?: Readonly<Record<string, unknown>>
  /** Models besides those found on disk. */
  readonly models?: readonly Model[]
  /** Asked at most once, when the keys are under a passphrase and `keys.passphraseFile` is not set. */
  readonly passphrase?: () => Promise<string | undefined>
  /** Default: a file in the home, and warnings on stderr. */
  readonly log?: NodeLogger
  readonly clock?: Clock
  readonly random?: Random
  /** What other programs ask of the device. Default: as its system says. */
  readonly readLoad?: () => Promise<DeviceLoad>
}
