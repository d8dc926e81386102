/** `engine check`: drives a program as a node would, and says which rules of the protocol it keeps. */

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { systemClock } from '../../../interface/clock.ts'
import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import { checkProgram, type ProgramCheck } from '../../../node/engines/index.ts'
import type { Invocation } from '../../invocation.ts'
import { printable } from '../../output.ts'

interface CheckOptions {
  readonly task?: string
  readonly input?: string
  readonly params?: string
  readonly folder?: string
  readonly file?: readonly string[]
  readonly device?: string
  readonly env?: readonly string[]
}

const STYLES = { ok: 'green', failed: 'red', skipped: 'yellow' } as const

export async function run({ args, options, output }: Invocation<CheckOptions>): Promise<void> {
  const [command, ...rest] = args.flat() as string[]
  const { task, input, params, env = [] } = options
  if (input !== undefined && task === undefined) throw new InvalidInputError('--input needs --task.')
  const checks = await checkProgram({
    ...{ clock: systemClock, command: command!, args: rest, task },
    env: Object.fromEntries(env.map(variableOf)),
    input: input === undefined ? undefined : jsonOf('--input', input),
    params: params === undefined ? undefined : (jsonOf('--params', params) as Record<string, unknown>),
    folder: options.folder === undefined ? undefined : resolve(options.folder),
    files: options.file ?? [],
    device: options.device,
    onCheck: check => {
      if (!output.json) output.line(lineOf(check, output))
    }
  })
  const failed = checks.filter(({ result }) => result === 'failed')
  if (output.json) {
    const data = checks.map(({ durationMs, ...check }) => ({ ...check, duration_ms: durationMs }))
    output.line(JSON.stringify({ ok: failed.length === 0, checks: data }))
  }
  if (failed.length === 0) return
  throw new LumosError('ENGINE_FAILED', `The program failed ${failed.length} of ${checks.length} checks.`, {
    hint: 'The protocol is in docs/external-engines.md.'
  })
}

function lineOf({ check, result, note, stderr }: ProgramCheck, output: Invocation['output']): string {
  const line = `${output.paint(STYLES[result], result.padEnd(7))} ${check}${note === null ? '' : `: ${printable(note)}`}`
  return stderr === null
    ? line
    : [line, ...stderr.split('\n').map(text => `        ${printable(text)}`)].join('\n')
}

function jsonOf(option: string, given: string): unknown {
  try {
    return JSON.parse(given.startsWith('@') ? readFileSync(given.slice(1), 'utf8') : given)
  } catch (err) {
    throw new InvalidInputError(`${option} is no JSON: ${(err as Error).message}`)
  }
}

function variableOf(given: string): [string, string] {
  const at = given.indexOf('=')
  if (at < 1) throw new InvalidInputError(`--env expects NAME=VALUE, not ${given}.`)
  return [given.slice(0, at), given.slice(at + 1)]
}
