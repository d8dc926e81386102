/**
 * What each program of the proving ground does the same way: options, help, signals and exit codes.
 *
 * Exit codes: 0 yes, 1 no, 2 usage, 130 interrupted, 143 terminated.
 */

import { type ParseArgsConfig, parseArgs } from 'node:util'

const NO_EXIT_CODE = 1
const USAGE_EXIT_CODE = 2
/** The signals that end a program in good order, and what it exits with then. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const
export const SEED_MAX = 2 ** 32 - 1

/** The arguments make no sense; the message says which, and why. */
export class UsageError extends Error {}

type Options = NonNullable<ParseArgsConfig['options']>
export type Parsed<O extends Options> = ReturnType<
  typeof parseArgs<{ options: O & { help: { type: 'boolean' } }; allowPositionals: true }>
>

export interface Tool<O extends Options> {
  readonly usage: string
  readonly options: O
  /** Set where a run that is ended early has an answer all the same. */
  readonly answersEarly?: boolean
  /** Ends in good order once `signal` is aborted. @returns whether the answer is yes. */
  run(parsed: Parsed<O>, signal: AbortSignal): boolean | Promise<boolean>
}

/** Runs this process as `tool`, to its exit. */
export async function runTool<O extends Options>(
  tool: Tool<O>,
  args = process.argv.slice(2)
): Promise<never> {
  const stopped = new AbortController()
  let exitCode: number | undefined
  for (const [signal, code] of Object.entries(SIGNALS)) {
    process.once(signal, () => {
      exitCode ??= code
      stopped.abort(new Error('Interrupted.'))
    })
  }
  // Timers of nodes and links keep no process alive, and often there is nothing else to wait for.
  setInterval(() => {}, 60_000)
  const ended = await exitCodeOf(tool, args, stopped.signal)
  // Libraries leave timers and connections behind; nothing of ours is under way.
  process.exit(tool.answersEarly ? ended : (exitCode ?? ended))
}

/** Runs `tool` inside this process. */
export async function exitCodeOf<O extends Options>(
  { usage, options, run }: Tool<O>,
  args: readonly string[],
  signal: AbortSignal
): Promise<number> {
  try {
    const parsed = parseArgs({
      args: [...args],
      options: { ...options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true
    }) as unknown as Parsed<O>
    if ('help' in parsed.values && parsed.values.help) {
      console.log(usage)
      return 0
    }
    return (await run(parsed, signal)) ? 0 : NO_EXIT_CODE
  } catch (thrown) {
    const { message, code } = thrown as Error & { code?: string }
    const wrong = thrown instanceof UsageError || code?.startsWith('ERR_PARSE_ARGS')
    console.error(wrong ? `${message}\n\n${usage}` : message)
    return wrong ? USAGE_EXIT_CODE : NO_EXIT_CODE
  }
}

/** The number that `--name` says, from `min` to `max`. */
export function numberOf(
  name: string,
  value: string | undefined,
  { min = 0, max, whole = true }: { min?: number; max: number; whole?: boolean }
): number {
  const number = Number(value)
  if (
    value !== undefined &&
    value !== '' &&
    number >= min &&
    number <= max &&
    (!whole || Number.isInteger(number))
  )
    return number
  throw new UsageError(`--${name} is from ${min} to ${max}.`)
}

/** The seed that `--seed` says, or one drawn by chance. */
export const seedOf = (value: string | undefined): number =>
  value === undefined
    ? Math.floor(Math.random() * (SEED_MAX + 1))
    : numberOf('seed', value, { max: SEED_MAX })
