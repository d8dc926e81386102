/** Runs commands of the system, and keeps the file of a plan. */

import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { LumosError } from '../../../interface/errors.ts'
import { type Plan, runItself, type Step, type SystemState } from './plan.ts'

/** Stopping a node takes as long as its drain. */
const STEP_TIMEOUT_MS = 60_000

/** What the system has of a plan; undefined when nothing. */
export function installedText({ path, encoding = 'utf8' }: Plan): string | undefined {
  try {
    return existsSync(path) ? readFileSync(path, encoding) : undefined
  } catch (err) {
    throw failed(`${path} cannot be read: ${(err as Error).message}.`, undefined, err)
  }
}

/** @throws {LumosError} `AUTOSTART_FAILED`; then nothing of it is left, and an earlier file is back. */
export async function installPlan(plan: Plan): Promise<void> {
  await askSystem(plan)
  const earlier = installedText(plan)
  write(plan, plan.text)
  try {
    for (const step of plan.before) await answerTo(step)
    for (const step of plan.enable) await succeed(step)
  } catch (err) {
    if (earlier === undefined) await removePlan(plan).catch(() => rmSync(plan.path, { force: true }))
    else write(plan, earlier)
    throw err
  }
}

/** @throws {LumosError} `AUTOSTART_FAILED` when the system refuses; its file then stays. */
export async function removePlan(plan: Plan): Promise<void> {
  await askSystem(plan)
  const { enabled, running } = await stateOf(plan)
  // What was never made known to the system cannot be taken from it.
  if (enabled || running) for (const step of plan.disable) await succeed(step)
  rmSync(plan.path, { force: true })
  for (const step of plan.after) await succeed(step)
}

export async function stateOf({ query, readState }: Plan): Promise<SystemState> {
  const answer = await answerTo(query)
  return answer === undefined ? { enabled: false, running: false } : readState(answer)
}

/** The first line that a command prints; undefined when it fails. */
export const answerTo = async (step: Step): Promise<string | undefined> => {
  const { code, stdout } = await execute(step)
  return code === 0 ? stdout : undefined
}

/** Whether it can be asked at all. */
const askSystem = ({ probe, probeHint, command }: Plan): Promise<void> =>
  succeed(probe, probeHint, runItself(command))

async function succeed(step: Step, hint?: string, absentHint?: string): Promise<void> {
  const { code, words } = await execute(step)
  if (code === 0) return
  if (code === 'ENOENT') throw failed(`This system has no ${step[0]}.`, absentHint)
  throw failed(`The system refused "${step.join(' ')}": ${words}.`, hint)
}

interface Executed {
  readonly code: number | string
  readonly stdout: string
  /** The last line of its errors. */
  readonly words: string
}

function execute([command, ...args]: Step): Promise<Executed> {
  return new Promise(resolve => {
    execFile(command, args, { timeout: STEP_TIMEOUT_MS, windowsHide: true }, (err, stdout, stderr) => {
      const words = stderr.trim().split('\n').at(-1)!.replace(/\.$/, '') || (err?.message ?? '')
      resolve({ code: err === null ? 0 : (err.code ?? 'ended'), stdout, words })
    })
  })
}

function write({ path, encoding = 'utf8' }: Plan, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text, { encoding, mode: 0o644 })
  } catch (err) {
    throw failed(`${path} cannot be written: ${(err as Error).message}.`, undefined, err)
  }
}

const failed = (message: string, hint?: string, cause?: unknown): LumosError =>
  new LumosError('AUTOSTART_FAILED', message, { hint, cause })
