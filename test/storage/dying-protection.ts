/** Puts keys under a passphrase, and kills itself, as `kill -9` would, before the given change of a file. */

import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { protectKeys } from '../../storage/keys/key-protection.ts'

const { home, passphrase, step } = JSON.parse(process.argv[2]!)
let count = 0
for (const name of ['openSync', 'writeSync', 'fsyncSync', 'renameSync', 'rmSync'] as const) {
  const original = fs[name] as (...args: unknown[]) => unknown
  Object.assign(fs, {
    [name](...args: unknown[]) {
      // Only what happens to the keys of this home counts.
      const isOurs = typeof args[0] === 'number' || String(args[0]).startsWith(home)
      if (isOurs && ++count === step) {
        fs.writeFileSync(1, name)
        process.kill(process.pid, 'SIGKILL')
        for (;;);
      }
      return original(...args)
    }
  })
}
syncBuiltinESMExports()
await protectKeys(home, { next: passphrase })
process.disconnect?.()
