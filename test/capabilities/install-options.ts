import { InstalledEngines } from '../../capabilities/install/installed-engines.ts'
import { systemClock } from '../../interface/clock.ts'

/** Engines in `directory`; without a registry, none can be reached. */
export const enginesIn = (directory: string, { registry = 'http://127.0.0.1:1' } = {}) =>
  new InstalledEngines({ directory, registry, owner: 'test', clock: systemClock, fetch })
