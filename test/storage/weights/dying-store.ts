/**
 * Fills a store of weights, and kills itself, as `kill -9` would, before the given change of a file or a database. Each
 * step that is over is a line on stdout.
 */

import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { DatabaseSync, StatementSync } from 'node:sqlite'
import { openDatabase } from '../../../storage/database/database.ts'
import { featureMigrations } from '../../../storage/database/feature-database.ts'
import { WEIGHT_TABLES } from '../../../storage/weights/schema.ts'
import { fill } from './dying-work.ts'

const { home, step } = JSON.parse(process.argv[2]!) as { home: string; step: number }
let count = 0

function dieBefore(object: object, name: string): void {
  const methods = object as Record<string, (...args: unknown[]) => unknown>
  const original = methods[name]!
  methods[name] = function (this: unknown, ...args: unknown[]) {
    if (++count === step) {
      process.kill(process.pid, 'SIGKILL')
      for (;;);
    }
    return original.apply(this, args)
  }
}

const database = openDatabase(`${home}/feature-weights.db`, {
  migrations: featureMigrations(WEIGHT_TABLES),
  synchronous: 'FULL'
})
const handle = await fs.promises.open(home, 'r')
for (const name of ['link', 'rename', 'rm', 'chmod', 'mkdir', 'rmdir', 'mkdtemp'])
  dieBefore(fs.promises, name)
for (const name of ['mkdirSync', 'renameSync', 'openSync', 'writeSync']) dieBefore(fs, name)
for (const name of ['write', 'sync', 'truncate']) dieBefore(Object.getPrototypeOf(handle), name)
dieBefore(DatabaseSync.prototype, 'exec')
dieBefore(StatementSync.prototype, 'run')
await handle.close()
syncBuiltinESMExports()

const say = fs.writeSync
await fill(home, database, (line: string) => void say.call(fs, 1, `${line}\n`))
console.log(`steps ${count}`)
process.exit()
