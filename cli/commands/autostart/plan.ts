/** How a system starts a node by itself: one file, and the commands that make it count. */

import { shellWord } from '../../shell-word.ts'

export type Step = readonly [command: string, ...args: string[]]

/** What is to be started, and for whom. */
export interface Target {
  /** The Node that runs the command, and the command. */
  readonly node: string
  readonly script: string
  readonly home: string
  /** Distinct for each home of a user. */
  readonly name: string
  /** With the device, not with the login of a user. */
  readonly system: boolean
  /** The account that the node runs as. */
  readonly user: string
  readonly uid: number
  readonly userHome: string
  /** `XDG_CONFIG_HOME`. */
  readonly configHome: string
  /** Whether the sandbox of engines has its rights from a setuid bit: then nothing may keep the node's programs from gaining rights. */
  readonly setuidSandbox?: boolean
}

export interface SystemState {
  /** Whether the system starts it by itself. */
  readonly enabled: boolean
  /** Whether it runs now, started by the system. */
  readonly running: boolean
}

export interface Plan {
  readonly kind: 'systemd-user' | 'systemd-system' | 'launchd-agent' | 'launchd-daemon' | 'windows-task'
  readonly name: string
  readonly path: string
  readonly text: string
  /** Default: UTF-8. */
  readonly encoding?: 'utf8' | 'utf16le'
  /** What the system runs, for one that has no such command as `probe`. */
  readonly command: readonly string[]
  /** Ends with 0 where the system can be asked. */
  readonly probe: Step
  /** What to do where it cannot. */
  readonly probeHint: string
  /** Ends what an earlier installation started; may fail. */
  readonly before: readonly Step[]
  /** In order, after the file is written. */
  readonly enable: readonly Step[]
  /** In order, while the file is there. */
  readonly disable: readonly Step[]
  /** In order, after it is gone. */
  readonly after: readonly Step[]
  /** All of these end no node that runs. */
  readonly nodeGoesOn?: true
  readonly query: Step
  /** Reads the answer to `query`; a failed one stands for neither. */
  readState(answer: string): SystemState
  /** When it starts, as the end of a sentence. */
  readonly when: string
  /** What a person may do besides. */
  readonly advice: string
}

/** Settings that are wrong, and keys that stay locked, do not become better by another start. */
export const EXIT_CODES_FINAL = [5, 8] as const
/** A node drains for ten seconds, and engines get a moment to end. */
export const STOP_TIMEOUT_S = 20

/** What the system runs. */
export const commandOf = ({ node, script, home }: Target): readonly string[] => [
  node,
  script,
  'start',
  `--home=${home}`
]

/** Where nothing is known of how a system starts programs. */
export const runItself = (command: readonly string[]): string =>
  `Have the system run: ${command.map(shellWord).join(' ')}`
