/** Starts the process of an engine, with no more of the node than it needs. */

import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { EngineSandbox } from '../../interface/node.ts'
import { ENGINE_CHILD } from '../entries.ts'
import { ENGINE_STDIO } from './engine-channel.ts'
import { type EngineEnvironment, LOW_PRIORITY } from './engine-environment.ts'
import { startOf } from './engine-sandbox.ts'
import { endGroup } from './process-group.ts'

const NODE_OPTIONS = ['--max-semi-space-size=1', '--disable-warning=ExperimentalWarning']

export interface EngineSpec {
  /** For logs and errors: the model's id. */
  readonly name: string
  /** An `EngineModule`, loaded in the process. */
  readonly module: URL
  /** Given to its `createEngine`; anything that JSON can hold. Paths in it are relative to `folder`. */
  readonly settings: unknown
  /** The model's files: the working directory, and all that a sandbox shows besides code. Default: the root. */
  readonly folder?: string
  /** Real paths of the files that it is made of, where its folder holds more than those. */
  readonly files?: readonly string[]
  /** Folders with more code than the package's: where an engine is installed. */
  readonly code?: readonly string[]
  /** Whether it may use the graphics processors of this device. */
  readonly gpu?: boolean
  /** It starts programs, which end with it and count with it. */
  readonly group?: boolean
}

export function launch(
  sandbox: EngineSandbox,
  { module, folder = '/', files, code = [], gpu = false, group = false }: EngineSpec,
  { [LOW_PRIORITY]: gives, ...env }: EngineEnvironment
): ChildProcess {
  const priority = gives === undefined ? [] : [LOW_PRIORITY]
  const { command, args, options } = startOf(sandbox, {
    args: [...NODE_OPTIONS, fileURLToPath(ENGINE_CHILD), ...priority],
    folder,
    files,
    code: [dirname(fileURLToPath(module)), ...code],
    gpu,
    env
  })
  const child = spawn(command, args, {
    ...options,
    detached: group,
    // onnxruntime reports each load to its maker unless told not to; a private mesh reports nothing.
    env: { ...env, ORT_DISABLE_TELEMETRY: '1' },
    stdio: ENGINE_STDIO
  })
  const { pid } = child
  if (!group || pid === undefined) return child
  const end = child.kill.bind(child)
  child.kill = signal => {
    endGroup(pid)
    return end(signal)
  }
  return child.on('exit', () => endGroup(pid))
}

/** What ended a process. A sandbox tells a signal as a shell does: 128 and its number. */
export function causeOf(code: number | null, signal: string | null): string {
  const number = Number(code) - 128
  const told = Object.entries(constants.signals).find(([, value]) => value === number)?.[0]
  return signal ?? told ?? `code ${code}`
}
