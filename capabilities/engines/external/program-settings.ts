/** A program that is an engine, as the owner of a device allows it in the settings. */

import type { TaskName } from '../../../interface/tasks/index.ts'

/** Programs are often scripts that call others. A person's own search path is not handed on. */
export const BASE_ENVIRONMENT: Readonly<Record<string, string>> =
  process.platform === 'win32' ? {} : { PATH: '/usr/local/bin:/usr/bin:/bin' }

/** What the weights of a model are for, as `model_info.json` names it. */
export type ProgramRuntime = 'torch' | 'rknn' | 'external'

export interface ProgramSettings {
  /** In the settings; of a program that needs no folder, also the id of its model. */
  readonly name: string
  /** An absolute path. */
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly tasks: readonly TaskName[]
  readonly slots: number
  /** It opens the folders whose description has this runtime. Absent: it is one model by itself. */
  readonly runtime?: ProgramRuntime | undefined
  /** Of `rknn`: the chip, such as `rk3588`. */
  readonly device?: string | undefined
  /** Files and folders that a sandbox shows it besides the system's programs. */
  readonly read: readonly string[]
  /** Whether it is shown the devices of graphics and neural processors. */
  readonly gpu: boolean
}
