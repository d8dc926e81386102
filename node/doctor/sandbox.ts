/** Whether engines have less than the rights of the node, and what keeps bubblewrap from it where it is installed. */

import { readFileSync, statSync } from 'node:fs'
import { BUBBLEWRAP } from '../../capabilities/host/engine-sandbox.ts'
import type { EngineSandbox } from '../../interface/node.ts'
import { type Finding, ok, warn } from './finding.ts'

const SETUID = 0o4000

const ADVICE =
  process.platform === 'linux'
    ? 'Install bubblewrap, where the system allows it to ordinary users, and restart the node.'
    : 'Serve only models that you trust: on this system there is no sandbox for engines.'

/** Where the system tells of a process and of bubblewrap. */
export interface SandboxPlaces {
  /** `/proc/PID`. */
  readonly proc: string
  readonly bubblewrap: string
}
const PLACES: SandboxPlaces = { proc: '/proc/self', bubblewrap: BUBBLEWRAP }

/** Whether bubblewrap is there and has its rights from its setuid bit, as on systems without namespaces for ordinary users. */
export function needsSetuid(bubblewrap = BUBBLEWRAP): boolean {
  const mode = statSync(bubblewrap, { throwIfNoEntry: false })?.mode ?? 0
  return (mode & SETUID) !== 0
}

export function sandboxFound(sandbox: EngineSandbox, places: SandboxPlaces = PLACES): Finding {
  switch (sandbox) {
    case 'bubblewrap':
      return ok('engines', 'Engines see their model and no network (bubblewrap).')
    case 'user':
      return ok('engines', 'Engines run as another user, who cannot read this home. They have the network.')
    case 'none':
      return needsSetuid(places.bubblewrap) && gainsNoRights(places.proc)
        ? warn(
            'engines',
            'Engines are not sandboxed: the setuid bit of bubblewrap counts for nothing, since the system started this node with NoNewPrivileges.',
            'Write its unit without: lumos-node autostart install --system'
          )
        : warn('engines', 'Engines are not sandboxed: a hole in one reads what this user reads.', ADVICE)
  }
}

/** Whether no program that this process starts has more rights than it. */
function gainsNoRights(proc: string): boolean {
  try {
    return /^NoNewPrivs:\s*1$/m.test(readFileSync(`${proc}/status`, 'utf8'))
  } catch {
    return false
  }
}
