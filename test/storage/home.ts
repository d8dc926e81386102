/** A directory of a test's own, and real processes that work on it. */

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'

export function temporaryHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'lumos-test-'))
  onTestFinished(() => rm(home, { recursive: true, force: true }))
  return home
}

/** A disk of so many MiB, or undefined where this process may not mount one. */
export function smallDisk(mebibytes: number): string | undefined {
  const path = join(temporaryHome(), 'disk')
  mkdirSync(path)
  try {
    execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', path], {
      stdio: 'ignore'
    })
  } catch {
    return undefined
  }
  onTestFinished(() => void execFileSync('/bin/umount', ['--lazy', path]))
  return path
}

/** A Node process that runs `script` as a module whose imports start at `storage/`. */
export function startProcess(script: string) {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', script], {
    cwd: join(import.meta.dirname, '../../storage'),
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const exited = once(child, 'exit')
  onTestFinished(() => void child.kill('SIGKILL'))

  return {
    pid: child.pid!,
    lines: createInterface(child.stdout)[Symbol.asyncIterator](),
    async kill(): Promise<void> {
      child.kill('SIGKILL')
      await exited
    }
  }
}
