/**
 * Loaded into a process before anything else (`--import`): counts the calls of `node:fs` and `node:sqlite`
 * that write, and kills the process at one of them as `kill -9` would.
 *
 * `CRASH_AT=17:torn`: before the 17th call, after it, or, where it writes bytes, after half of them.
 */

import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { DatabaseSync, StatementSync } from 'node:sqlite'

type Call = (this: unknown, ...args: never[]) => unknown

const [at, moment] = (process.env.CRASH_AT ?? '0:before').split(':') as [string, 'before' | 'torn' | 'after']
/** What the process tells its parent leaves by this one. */
const STDOUT = 1
let points = 0
/** Those that write bytes, and can be torn. */
const writes: number[] = []

const { writeSync, openSync } = fs

function die(): never {
  process.kill(process.pid, 'SIGKILL')
  // The signal is not handled at once.
  for (;;);
}

function counted(call: Call, tear?: (args: readonly unknown[]) => void): Call {
  return function (...args) {
    const last = ++points === Number(at)
    if (tear !== undefined) writes.push(points)
    if (last && moment === 'torn') tear?.(args)
    if (last && moment !== 'after') die()
    const result = call.apply(this, args)
    if (last) die()
    return result
  }
}

/** Half of what was to be written. */
function tear([fd, data, offset]: readonly unknown[]): void {
  const bytes = Buffer.from(data as Uint8Array).subarray(Number(offset ?? 0))
  writeSync(fd as number, bytes, 0, bytes.length >> 1)
}

type Functions = Record<string, Call>
const functions = fs as unknown as Functions
const NAMES =
  'writevSync fsyncSync fdatasyncSync ftruncateSync renameSync rmSync unlinkSync linkSync mkdirSync'
for (const name of [...NAMES.split(' '), 'chmodSync', 'writeFileSync', 'appendFileSync']) {
  functions[name] = counted(functions[name]!)
}
const countedWrite = counted(writeSync as Call, tear)
functions.writeSync = (...args) => (args[0] === STDOUT ? (writeSync as Call)(...args) : countedWrite(...args))
const countedOpen = counted(openSync as Call)
functions.openSync = (...args) => {
  const reads = args[1] === undefined || args[1] === 'r'
  return (reads ? (openSync as Call) : countedOpen)(...args)
}
syncBuiltinESMExports()

for (const [prototype, names] of [
  [DatabaseSync.prototype, ['exec', 'close']],
  [StatementSync.prototype, ['run']]
] as unknown as [Functions, string[]][]) {
  for (const name of names) prototype[name] = counted(prototype[name]!)
}

process.on('exit', () => void writeSync(STDOUT, `${JSON.stringify({ points, writes })}\n`))
