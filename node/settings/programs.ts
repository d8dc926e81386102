/** Programs that are engines, as the settings name them. */

import * as z from 'zod'
import type { ProgramSettings } from '../../capabilities/index.ts'
import { TASK_NAMES } from '../../interface/tasks/index.ts'
import { fromTilde } from '../../storage/home/home-path.ts'
import { Path, ServerName } from './values.ts'

/** More than a person writes by hand. */
const ARGS_MAX = 64
const CHARS_MAX = 4096
/** Requests that a program answers at once; its hello says no more, either. */
const SLOTS_MAX = 64

/** `~/` is expanded as in a path; all else is handed on as it is. */
const Argument = z.string().max(CHARS_MAX).transform(fromTilde)
const Variable = z.string().regex(/^[A-Za-z_]\w*$/, 'expected the name of a variable')

export const Programs = z
  .record(
    ServerName,
    z
      .strictObject({
        command: Path,
        args: z.array(Argument).max(ARGS_MAX).default([]),
        env: z.record(Variable, z.string().max(CHARS_MAX)).default({}),
        tasks: z.array(z.enum(TASK_NAMES)).min(1),
        slots: z.int().min(1).max(SLOTS_MAX).default(1),
        runtime: z.enum(['torch', 'rknn', 'external']).optional(),
        device: z
          .string()
          .regex(/^[a-z0-9]{1,32}$/, 'expected the name of a chip, such as rk3588')
          .optional(),
        read: z.array(Path).max(ARGS_MAX).default([]),
        gpu: z.boolean().default(false)
      })
      .refine(({ runtime, device }) => (runtime === 'rknn') === (device !== undefined), {
        error: 'runtime: rknn and a device go together',
        path: ['device']
      })
  )
  .default({})

export const namedPrograms = (programs: z.infer<typeof Programs>): ProgramSettings[] =>
  Object.entries(programs).map(([name, program]) => ({ name, ...program }))
